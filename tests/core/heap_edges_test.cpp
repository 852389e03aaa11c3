// Tests of core/heaps.hpp, extend and truncate: each edge of a heap moves by every small amount,
// with an allocation at it or a gap, and memory outside is not touched.
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "core/block_model.hpp"
#include "core/test_memory.hpp"
#include "talc/core/talc.hpp"
#include "talc/oom/err_on_oom.hpp"

namespace talc {
namespace {

constexpr size_t kHeader = 3 * kWordSize;
constexpr size_t kMinGap = 3 * kWordSize;

using Engine = Talc<ErrOnOom, Config{.counters = true}>;

// Whether an edge of the heap has a gap at it, or an allocation.
struct Edges {
  bool low_is_free;
  bool high_is_free;
};

// An engine whose table lies elsewhere, and a heap in the middle of memory.
class HeapEdges : public testing::TestWithParam<Edges> {
 protected:
  static constexpr size_t kLow = 1024;
  static constexpr size_t kHigh = 3072;
  static constexpr size_t kTableBytes = 64 << 10;  // enough for a table that need not move

  HeapEdges() : table_memory_(kTableBytes), memory_(4096) {
    TestMemory::revoke(memory_.span());
    const Span part = memory_.part(kLow, kHigh);
    TestMemory::grant(part);
    talc_.claim(table_memory_.span());
    for (size_t size = kTableBytes; size != 0; size /= 2) {
      while (malloc(size) != nullptr) {
      }
    }
    heap_ = talc_.claim(part);
    // Three blocks fill the heap; those at free edges go again.
    char* const low = malloc(500);
    middle_ = {malloc(500), {500}, 9};
    middle_.write_from(0);
    const size_t rest = heap_.size() - kHeader - 2 * chunk_size_for(500) - kTagSize;
    char* const high = malloc(rest);
    EXPECT_TRUE(low != nullptr && middle_.ptr > low && high > middle_.ptr);
    if (GetParam().low_is_free) {
      talc_.free(low, 500);
    }
    if (GetParam().high_is_free) {
      talc_.free(high, rest);
    }
    used_ = Span(
        GetParam().low_is_free ? middle_.ptr : low,
        middle_.ptr + chunk_size_for(500) + (GetParam().high_is_free ? 0 : chunk_size_for(rest)));
  }

  char* malloc(size_t size) { return static_cast<char*>(talc_.malloc(size, 1)); }

  void check() {
    EXPECT_STREQ(talc_.find_fault(), nullptr);
    EXPECT_TRUE(middle_.holds(500));
    EXPECT_EQ(talc_.get_allocated_span(heap_), used_);
    EXPECT_EQ(talc_.get_counters().claimed_bytes, kTableBytes + heap_.size());
  }

  // Each side is where it was asked to be, or as close as its allocations and the least gap let it.
  void expect_tight(Span before, Span wanted) {
    const Span to = wanted.word_align_inward();
    const bool low_stays = !GetParam().low_is_free;
    const bool high_stays = !GetParam().high_is_free;
    if (low_stays || to.base == before.base) {
      EXPECT_EQ(heap_.base, before.base);
    } else if (to.is_empty() || to.base + kHeader >= used_.base) {
      EXPECT_EQ(heap_.base, used_.base - kHeader);
    } else {
      EXPECT_LE(heap_.base, to.base);
      EXPECT_GT(heap_.base, to.base - kMinGap);
    }
    if (high_stays || to.acme == before.acme) {
      EXPECT_EQ(heap_.acme, before.acme);
    } else if (to.is_empty() || to.acme <= used_.acme) {
      EXPECT_EQ(heap_.acme, used_.acme);
    } else {
      EXPECT_GE(heap_.acme, to.acme);
      EXPECT_LT(heap_.acme, to.acme + kMinGap);
    }
  }

  void truncate_and_back(size_t low, size_t high) {
    const Span before = heap_;
    const Span to = before.truncate(low, high);
    heap_ = talc_.truncate(before, to);
    TestMemory::replace_grant(before, heap_);
    ASSERT_TRUE(before.contains_span(heap_));
    ASSERT_TRUE(heap_.contains_span(Span(used_.base - kHeader, used_.acme)));
    check();
    expect_tight(before, to);
    TestMemory::replace_grant(heap_, before);
    heap_ = talc_.extend(heap_, before);
    ASSERT_EQ(heap_, before);
  }

  const TestMemory table_memory_;
  const TestMemory memory_;
  Engine talc_;
  Span heap_;
  Span used_;
  Block middle_{};
};

INSTANTIATE_TEST_SUITE_P(All, HeapEdges,
                         testing::Values(Edges{false, false}, Edges{false, true},
                                         Edges{true, false}, Edges{true, true}),
                         [](const testing::TestParamInfo<Edges>& edges) {
                           return std::string(edges.param.low_is_free ? "LowFree" : "LowTaken") +
                                  (edges.param.high_is_free ? "HighFree" : "HighTaken");
                         });

TEST_P(HeapEdges, AllocatedSpanIsWhatTheAllocationsNeed) { check(); }

TEST_P(HeapEdges, ExtendBySmallAmounts) {
  check();
  for (size_t step = 0; step < 200; ++step) {
    // Amounts of 0 to 40 bytes on both sides; after the first success an edge is free.
    const size_t low = step * 7 % 41;
    const size_t high = step * 5 % 41;
    const Span to = heap_.extend(low, high).fit_within(memory_.span());
    const bool low_free = talc_.get_allocated_span(heap_).base != heap_.base + kHeader;
    const bool high_free = talc_.get_allocated_span(heap_).acme != heap_.acme;
    TestMemory::replace_grant(heap_, to);
    const Span extended = talc_.extend(heap_, to);
    const Span inward = to.word_align_inward();
    EXPECT_EQ(extended.base, low_free || heap_.base - inward.base >= ptrdiff_t{kMinGap}
                                 ? inward.base
                                 : heap_.base);
    EXPECT_EQ(extended.acme, high_free || inward.acme - heap_.acme >= ptrdiff_t{kMinGap}
                                 ? inward.acme
                                 : heap_.acme);
    TestMemory::replace_grant(to, extended);
    heap_ = extended;
    check();
    ASSERT_FALSE(HasFailure()) << "step " << step;
  }
  EXPECT_EQ(heap_, memory_.span());
}

TEST_P(HeapEdges, ExtendByEachSmallAmountAtOnce) {
  const Span before = heap_;
  for (size_t by = 0; by < 6 * kWordSize; ++by) {
    for (const bool upward : {false, true}) {
      const bool is_free = upward ? GetParam().high_is_free : GetParam().low_is_free;
      const Span to = before.extend(upward ? 0 : by, upward ? by : 0);
      TestMemory::replace_grant(before, to);
      heap_ = talc_.extend(before, to);
      const size_t words = by / kWordSize * kWordSize;
      EXPECT_EQ(heap_.size() - before.size(), is_free || words >= kMinGap ? words : 0) << by;
      check();
      // And back.
      TestMemory::replace_grant(to, heap_);
      const Span extended = heap_;
      heap_ = talc_.truncate(heap_, before);
      TestMemory::replace_grant(extended, heap_);
      check();
      ASSERT_EQ(heap_, before) << by;
    }
  }
}

// ---- truncate ----

TEST_P(HeapEdges, TruncateToEachSizeAtEitherSide) {
  for (size_t by = 0; by <= heap_.size() && !HasFailure(); ++by) {
    SCOPED_TRACE(by);
    truncate_and_back(by, 0);
    truncate_and_back(0, by);
  }
}

TEST_P(HeapEdges, TruncateAtBothSides) {
  for (size_t low = 0; low <= heap_.size(); low += 61) {
    for (size_t high = 0; high <= heap_.size() - low && !HasFailure(); high += 37) {
      SCOPED_TRACE(testing::Message() << low << ", " << high);
      truncate_and_back(low, high);
    }
  }
}

TEST_P(HeapEdges, TruncateToNothingLeavesWhatIsAllocated) {
  const Span before = heap_;
  heap_ = talc_.truncate(heap_, Span());
  TestMemory::replace_grant(before, heap_);
  EXPECT_EQ(heap_, Span(used_.base - kHeader, used_.acme));
  check();
}

TEST_P(HeapEdges, AHeapWithoutAllocationsGoes) {
  std::vector<std::pair<char*, size_t>> blocks;
  talc_.for_each_chunk(heap_, [&](Span chunk, bool allocated) {
    if (allocated) {
      blocks.emplace_back(chunk.base, chunk.size() - kTagSize);
    }
  });
  for (const auto& [base, size] : blocks) {
    talc_.free(base, size);
  }
  EXPECT_TRUE(talc_.get_allocated_span(heap_).is_empty());
  const Span before = heap_;
  // As long as there is room for a gap, it stays, wherever that is.
  for (size_t size = before.size(); size >= kHeader + kMinGap; size -= 8 * kWordSize) {
    const Span to = size % 128 == 0 ? heap_.truncate(0, heap_.size() - size)
                                    : heap_.truncate(heap_.size() - size, 0);
    const Span truncated = talc_.truncate(heap_, to);
    ASSERT_EQ(truncated, to);
    TestMemory::replace_grant(heap_, truncated);
    heap_ = truncated;
    ASSERT_STREQ(talc_.find_fault(), nullptr);
    ASSERT_EQ(talc_.get_counters().claimed_bytes, kTableBytes + heap_.size());
  }
  EXPECT_TRUE(
      talc_.truncate(heap_, heap_.truncate(0, heap_.size() - kHeader - kMinGap + 1)).is_empty());
  TestMemory::revoke(heap_);
  EXPECT_EQ(talc_.get_counters().heap_count, 1U);
  EXPECT_EQ(talc_.get_counters().claimed_bytes, kTableBytes);
  EXPECT_EQ(talc_.get_counters().released_heaps(), 1U);
  EXPECT_STREQ(talc_.find_fault(), nullptr);
  // Its memory can be claimed again.
  TestMemory::grant(heap_);
  TestMemory::replace_grant(heap_, before);
  EXPECT_EQ(talc_.claim(before), before);
}

}  // namespace
}  // namespace talc
