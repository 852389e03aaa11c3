// Tests of os/purge_pass.hpp and os/gap_purge.hpp: what has been idle from one pass to a later one, and
// nothing else, is purged, once.
#include "talc/os/purge_pass.hpp"

#include <gtest/gtest.h>
#include <string.h>

#include "support/flaky_pages.hpp"
#include "talc/os/gap_purge.hpp"

namespace talc {
namespace {

PurgePass idle_pass(unsigned number) { return {.takes = PurgePass::Takes::idle, .number = number}; }
const PurgePass kAll = {.takes = PurgePass::Takes::all};

TEST(Age, IsDueFromTheSecondPassOn) {
  Age age;
  EXPECT_FALSE(age.is_due(idle_pass(1)));
  EXPECT_FALSE(age.is_due(idle_pass(1)));  // another part of the same pass
  EXPECT_TRUE(age.is_due(idle_pass(2)));
  age.set_purged();
  EXPECT_FALSE(age.is_due(idle_pass(3)));
  EXPECT_FALSE(age.is_due(kAll));
}

TEST(Age, BeginsAgainWhenTouched) {
  Age age;
  EXPECT_FALSE(age.is_due(idle_pass(1)));
  age.touch();
  EXPECT_FALSE(age.is_due(idle_pass(2)));
  EXPECT_TRUE(age.is_due(idle_pass(3)));
}

TEST(Age, AllIsDueAtOnceAndNothingIsCounted) {
  Age age;
  EXPECT_FALSE(age.is_due(PurgePass{}));
  EXPECT_TRUE(age.is_due(kAll));
  EXPECT_FALSE(age.is_due(idle_pass(1)));  // counting has not aged it
}

TEST(Age, PassesAreToldApartForLong) {
  for (unsigned first = 250; first < 260; ++first) {
    Age age;
    EXPECT_FALSE(age.is_due(idle_pass(first)));
    EXPECT_TRUE(age.is_due(idle_pass(first + 1))) << first;
  }
}

TEST(PurgePass, APartEndsAfterSoManyBytesOrCalls) {
  PurgePass pass;
  pass.begin_part();
  pass.count_call(PurgePass::kPartBytes - 1);
  EXPECT_TRUE(pass.may_go_on());
  pass.count_call(PurgePass::kPartBytes);
  EXPECT_FALSE(pass.may_go_on());
  pass.begin_part();
  for (unsigned i = 0; i < PurgePass::kPartCalls; ++i) {
    EXPECT_TRUE(pass.may_go_on());
    pass.count_call(1);
  }
  EXPECT_FALSE(pass.may_go_on());
  pass.begin_part();
  for (unsigned i = 0; i < PurgePass::kPartSteps; ++i) {
    EXPECT_TRUE(pass.may_go_on());
    pass.count_step();
  }
  EXPECT_FALSE(pass.may_go_on());
}

struct Tag;
using Kernel = FlakyPages<Tag>;

class GapPurgeTest : public testing::Test {
 protected:
  static constexpr size_t kBytes = size_t{1} << 20;

  GapPurgeTest() : gap_(Span::from_base_size(Kernel::map(nullptr, kBytes), kBytes)) { dirty(); }
  ~GapPurgeTest() override { Kernel::unmap(gap_); }

  void dirty() { memset(gap_.base, 1, kBytes); }
  static size_t visit(Span gap, PurgePass pass) {
    GapPurge<Kernel>::visit(gap, pass);
    return pass.purged_bytes;
  }

  Span gap_;
};

TEST_F(GapPurgeTest, HeaderAndLastWordStay) {
  EXPECT_EQ(visit(gap_, kAll), kBytes - 2 * Kernel::page_size());
  for (size_t i = 0; i < 3 * kWordSize; ++i) {
    EXPECT_EQ(gap_.base[i], 1);
    EXPECT_EQ(gap_.acme[-1 - static_cast<ptrdiff_t>(i)], 1);
  }
  EXPECT_EQ(gap_.base[kBytes / 2], 0);
}

TEST_F(GapPurgeTest, AGapIsPurgedOnceAndAnotherOneOfTheSamePlaceAgain) {
  EXPECT_NE(visit(gap_, kAll), 0U);
  EXPECT_EQ(visit(gap_, kAll), 0U);
  for (size_t cut = 16; cut < kBytes - (size_t{64} << 10); cut *= 2) {
    const Span shorter(gap_.base, gap_.acme - cut);
    EXPECT_NE(visit(shorter, kAll), 0U) << cut;
  }
}

TEST_F(GapPurgeTest, ABlockAtItsBeginningMakesItForget) {
  EXPECT_NE(visit(gap_, kAll), 0U);
  // Where a payload may begin: a word above the gap's beginning, and up to two further up.
  for (size_t words = 1; words <= 3; ++words) {
    GapPurge<Kernel>::forget_below(gap_.base + words * kWordSize);
    EXPECT_NE(visit(gap_, kAll), 0U) << words;
    EXPECT_EQ(visit(gap_, kAll), 0U);
  }
}

// What of it goes in this part no later one gives back again, unless a block was there.
TEST_F(GapPurgeTest, ALargeGapGoesInPieces) {
  constexpr size_t kLarge = 5 * PurgePass::kPartBytes / 2;
  const Span large = Span::from_base_size(Kernel::map(nullptr, kLarge), kLarge);
  memset(large.base, 1, kLarge);
  PurgePass pass = kAll;
  unsigned parts = 0;
  bool is_done = false;
  while (!is_done) {
    pass.begin_part();
    const size_t purged_bytes = pass.purged_bytes;
    is_done = GapPurge<Kernel>::visit(large, pass);
    EXPECT_LE(pass.purged_bytes - purged_bytes, 2 * PurgePass::kPartBytes);
    EXPECT_EQ(GapPurge<Kernel>::purged_part(large).size(), pass.purged_bytes);
    ASSERT_LE(++parts, 3U);
  }
  EXPECT_GE(parts, 2U);
  EXPECT_EQ(pass.dirty_bytes, 0U);
  EXPECT_EQ(pass.purged_bytes, kLarge - 2 * Kernel::page_size());
  EXPECT_EQ(visit(large, kAll), 0U);
  Kernel::unmap(large);
}

// A mark that was made up, by a program that writes into what it has freed, leads nowhere else.
TEST_F(GapPurgeTest, OnlyPagesOfTheGapGoWhateverIsWrittenOverItsMark) {
  const size_t page = Kernel::page_size();
  const Span gap(gap_.base + kBytes / 2, gap_.acme);
  for (char* const from : {gap_.base, gap_.base + page, gap_.acme, gap_.acme + page}) {
    dirty();
    EXPECT_EQ(visit(gap, idle_pass(1)), 0U);
    char* const known_from = *reinterpret_cast<char**>(gap.base + 4 * kWordSize);
    ASSERT_EQ(known_from, gap.base + page);
    const size_t age = load_word(gap.base + 3 * kWordSize) & 0xFF;
    const size_t hash =
        scatter(address_of(gap.base) + scatter(address_of(from) + scatter(gap.size())));
    store_word(gap.base + 3 * kWordSize, (hash & ~size_t{0xFF}) | age);
    store_word(gap.base + 4 * kWordSize, address_of(from));
    EXPECT_LE(visit(gap, idle_pass(2)), gap.size() - 2 * page);
    for (char* at = gap_.base; at < gap.base; at += page) {
      ASSERT_EQ(*at, 1) << at - gap_.base;
    }
  }
}

TEST_F(GapPurgeTest, CountingChangesNothing) {
  const Span before = gap_;
  PurgePass pass;
  GapPurge<Kernel>::visit(gap_, pass);
  EXPECT_EQ(pass.dirty_bytes, kBytes - 2 * Kernel::page_size());
  EXPECT_EQ(before.base[3 * kWordSize], 1);
  EXPECT_EQ(visit(gap_, idle_pass(1)), 0U);
  EXPECT_NE(visit(gap_, idle_pass(2)), 0U);
}

}  // namespace
}  // namespace talc
