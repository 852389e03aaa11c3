// Tests of core/bins.hpp: which sizes share a bin, and that searches find what a plain list would.
#include "talc/core/bins.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

#include "core/test_memory.hpp"

namespace talc {
namespace {

// The sizes worth a look: all small ones, and those around each power of two and its parts.
std::vector<size_t> telling_sizes() {
  std::vector<size_t> sizes;
  for (size_t words = 3; words < 5000; ++words) {
    sizes.push_back(words * kWordSize);
  }
  for (unsigned log = 16; log < kWordBits - 2; ++log) {
    for (size_t part = 0; part < 64; ++part) {
      const size_t size = (size_t{1} << log) + part * (size_t{1} << (log - 6));
      sizes.insert(sizes.end(), {size - kWordSize, size, size + kWordSize});
    }
  }
  return sizes;
}

template <class BinsType>
class BinsIndex : public testing::Test {};
using Granularities = testing::Types<Bins<2>, Bins<3>, Bins<5>, Bins<6>>;
TYPED_TEST_SUITE(BinsIndex, Granularities);

TYPED_TEST(BinsIndex, SmallSizesHaveABinEach) {
  unsigned expected = 0;
  for (size_t words = 3; words < 2 * TypeParam::kPerDoubling; ++words) {
    ASSERT_EQ(TypeParam::ideal_index(words * kWordSize), expected);
    expected += 1;
  }
  EXPECT_EQ(expected, TypeParam::kExactCount);
}

TYPED_TEST(BinsIndex, GrowsWithTheSizeByAtMostOnePerWord) {
  unsigned last = 0;
  for (size_t words = 3; words < 200000; ++words) {
    const unsigned index = TypeParam::ideal_index(words * kWordSize);
    ASSERT_TRUE(index == last || index == last + 1) << words;
    last = index;
  }
}

TYPED_TEST(BinsIndex, CutsEachDoublingIntoEqualParts) {
  for (size_t words = 2 * TypeParam::kPerDoubling; words < size_t{1} << 28; words *= 2) {
    EXPECT_EQ(TypeParam::ideal_index(words * kWordSize) + TypeParam::kPerDoubling,
              TypeParam::ideal_index(2 * words * kWordSize));
  }
}

TYPED_TEST(BinsIndex, TheCeilingIsTheFirstBinWhoseGapsAllFit) {
  for (const size_t size : telling_sizes()) {
    const unsigned ceiling = TypeParam::ceiling_index(size);
    // The smallest gap of a bin is one whose predecessor lies in the bin before.
    ASSERT_LT(static_cast<int>(TypeParam::ideal_index(size - kWordSize)), static_cast<int>(ceiling))
        << "a gap that is a word too small is in the bin";
    ASSERT_LE(TypeParam::ideal_index(size), ceiling) << "it could begin one bin lower";
    ASSERT_GE(TypeParam::ideal_index(size) + 1, ceiling);
  }
}

// Bins with a table of any size, and memory for gaps in them.
class BinsTest : public testing::Test {
 protected:
  using TheBins = Bins<5>;
  static constexpr size_t kMemoryBytes = 1 << 20;

  void adopt(unsigned count) {
    tables_.emplace_back(std::make_unique<size_t[]>(TheBins::table_bytes(count) / sizeof(size_t)));
    bins_.adopt_table(reinterpret_cast<char*>(tables_.back().get()), count);
    EXPECT_EQ(bins_.table(), reinterpret_cast<char*>(tables_.back().get()));
    EXPECT_EQ(bins_.count(), count);
  }

  // Gaps are only marked as used up: none of them touches another.
  Gap* insert(size_t size) {
    char* const base = memory_.base() + used_bytes_;
    used_bytes_ += size;
    bins_.insert(base, size);
    gaps_.push_back(gap_at(base));
    return gap_at(base);
  }

  void remove(size_t index) {
    bins_.remove(gaps_[index]);
    gaps_[index] = gaps_.back();
    gaps_.pop_back();
  }

  // What the lists hold is what is expected, each gap in its bin, and the bits agree.
  void check() {
    std::multiset<Gap*> listed;
    for (unsigned bin = 0; bin < bins_.count(); ++bin) {
      ASSERT_EQ(bins_.is_occupied(bin), bins_.first(bin) != bins_.end());
      for (Gap* gap = bins_.first(bin); gap != bins_.end(); gap = gap->next) {
        ASSERT_EQ(bins_.index(gap->size), bin);
        listed.insert(gap);
      }
    }
    EXPECT_EQ(listed, std::multiset<Gap*>(gaps_.begin(), gaps_.end()));
    EXPECT_TRUE(bins_.summary_is_right());
  }

  // The first occupied bin at or above `bin`, by looking at all gaps.
  unsigned next_occupied(unsigned bin) const {
    unsigned next = TheBins::kNone;
    for (const Gap* gap : gaps_) {
      const unsigned index = bins_.index(gap->size);
      next = index >= bin && index < next ? index : next;
    }
    return next;
  }

  TestMemory memory_{kMemoryBytes};
  size_t used_bytes_ = 0;
  std::vector<std::unique_ptr<size_t[]>> tables_;
  std::vector<Gap*> gaps_;
  TheBins bins_;
};

TEST_F(BinsTest, WithoutATableThereAreNone) {
  EXPECT_FALSE(bins_.has_table());
  EXPECT_EQ(bins_.count(), 0U);
  EXPECT_TRUE(bins_.summary_is_right());
}

TEST_F(BinsTest, TheLastBinTakesAllThatIsLarger) {
  adopt(10);
  EXPECT_EQ(bins_.index(12 * kWordSize), 9U);
  EXPECT_EQ(bins_.index(13 * kWordSize), 9U);
  EXPECT_EQ(bins_.index(size_t{1} << (kWordBits - 2)), 9U);
  EXPECT_EQ(bins_.index(11 * kWordSize), 8U);
}

TEST_F(BinsTest, RemovingNoGapChangesNothing) {
  adopt(70);
  bins_.remove(bins_.none());
  check();
  insert(kMinChunkSize);
  insert(72 * kWordSize);
  bins_.remove(bins_.none());
  check();
  EXPECT_EQ(bins_.none()->size, 0U);
}

TEST_F(BinsTest, SearchesAgreeWithAPlainList) {
  const unsigned long seed = test_seed(7);
  SCOPED_TRACE(testing::Message() << "TALC_TEST_SEED=" << seed);
  Random random(seed);
  for (const unsigned count : {4U, 63U, 64U, 65U, 128U, 300U}) {
    bins_ = {};
    gaps_.clear();
    used_bytes_ = 0;
    adopt(count);
    for (int step = 0; step < 600; ++step) {
      if (gaps_.empty() || (random.one_in(2) && used_bytes_ < kMemoryBytes / 2)) {
        insert(kWordSize * random.between(3, random.one_in(3) ? 500 : 80));
      } else {
        remove(random.below(gaps_.size()));
      }
      const unsigned bin = static_cast<unsigned>(random.below(count));
      ASSERT_EQ(bins_.next_occupied(bin), next_occupied(bin));
      if (!gaps_.empty()) {
        ASSERT_TRUE(bins_.is_occupied(bins_.last_occupied()));
        ASSERT_EQ(bins_.last_occupied() + 1 == count ? TheBins::kNone
                                                     : next_occupied(bins_.last_occupied() + 1),
                  TheBins::kNone);
      }
      if (Gap* const first = bins_.first_from(bin)) {
        ASSERT_GE(bins_.index(first->size), bin);
      }
      if (step % 16 == 0) {
        check();
      }
    }
  }
}

TEST_F(BinsTest, PassesOverSizesThatLeaveNoGap) {
  adopt(100);
  Gap* const one_more = insert(5 * kWordSize);
  Gap* const two_more = insert(6 * kWordSize);
  const unsigned bin = TheBins::ceiling_index(4 * kWordSize);
  EXPECT_EQ(bins_.first_from(bin), nullptr);
  Gap* const gap = insert(7 * kWordSize);
  EXPECT_EQ(bins_.first_from(bin), gap);
  Gap* const exact = insert(4 * kWordSize);
  EXPECT_EQ(bins_.first_from(bin), exact);
  EXPECT_EQ(bins_.first_from(bin + 1), one_more);
  EXPECT_EQ(bins_.first_from(bin + 2), two_more);
}

TEST_F(BinsTest, TheBestOfABinIsTheSmallestThatHoldsTheRequest) {
  adopt(300);
  const size_t base = size_t{1} << 12;  // its bin holds several sizes
  const unsigned bin = bins_.index(base * kWordSize);
  Gap* const large = insert((base + 9) * kWordSize);
  Gap* const middle = insert((base + 5) * kWordSize);
  insert((base + 1) * kWordSize);
  ASSERT_EQ(bins_.index(large->size), bin);
  EXPECT_EQ(bins_.best_of(bin, (base + 2) * kWordSize), middle);
  EXPECT_EQ(bins_.best_of(bin, (base + 6) * kWordSize), large);
  EXPECT_EQ(bins_.best_of(bin, (base + 10) * kWordSize), nullptr);
  EXPECT_EQ(bins_.best_of(bin + 1, kMinChunkSize), nullptr);
}

TEST_F(BinsTest, GapsMoveToALargerTable) {
  Random random(3);
  adopt(4);
  for (int i = 0; i < 200; ++i) {
    insert(kWordSize * random.between(3, 400));
  }
  check();
  for (const unsigned count : {5U, 64U, 200U}) {
    adopt(count);
    check();
  }
  while (!gaps_.empty()) {
    remove(0);
  }
  check();
}

}  // namespace
}  // namespace talc
