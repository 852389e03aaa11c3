// Tests of api/fresh_memory.hpp: what is cleared, what is left alone, and what is never believed.
#include "talc/api/fresh_memory.hpp"

#include <gtest/gtest.h>
#include <string.h>

#include <algorithm>

namespace talc {
namespace {

constexpr size_t kKiB = size_t{1} << 10;

// A heap of 256 KiB that holds 1s, so that what is cleared shows.
class FreshMemoryTest : public testing::Test {
 protected:
  FreshMemoryTest() { memset(memory_, 1, sizeof memory_); }

  Span part(size_t from, size_t to) { return Span(memory_ + from, memory_ + to); }

  // How many bytes of the block were cleared.
  size_t cleared(Span block) {
    fresh_.clear(block);
    const auto zeros = std::count(block.base, block.acme, 0);
    memset(block.base, 1, block.size());
    return static_cast<size_t>(zeros);
  }

  alignas(64) char memory_[256 * kKiB];
  FreshMemory fresh_;
};

TEST_F(FreshMemoryTest, WithoutAHeapAllIsOld) {
  EXPECT_EQ(cleared(part(0, 100 * kKiB)), 100 * kKiB);
}

TEST_F(FreshMemoryTest, OfAFreshBlockOnlyTheStartIsCleared) {
  fresh_.add(part(0, sizeof memory_));
  EXPECT_EQ(cleared(part(64 * kKiB, 128 * kKiB)), 4 * kWordSize);
}

TEST_F(FreshMemoryTest, WhatWasUsedIsOld) {
  fresh_.add(part(0, sizeof memory_));
  fresh_.use(memory_ + 100 * kKiB);
  EXPECT_EQ(cleared(part(64 * kKiB, 100 * kKiB)), 36 * kKiB);
  EXPECT_GE(cleared(part(64 * kKiB, 128 * kKiB)), 36 * kKiB);
  EXPECT_LE(cleared(part(64 * kKiB, 128 * kKiB)), 37 * kKiB);
  fresh_.use(memory_ + 50 * kKiB);  // lower than what is known
  EXPECT_EQ(cleared(part(64 * kKiB, 100 * kKiB)), 36 * kKiB);
}

TEST_F(FreshMemoryTest, WhatLiesAboveTheLastBlockIsUntouched) {
  EXPECT_FALSE(fresh_.is_untouched(memory_));
  fresh_.add(part(0, sizeof memory_));
  EXPECT_TRUE(fresh_.is_untouched(memory_ + 64 * kKiB));
  fresh_.use(memory_ + 100 * kKiB);
  EXPECT_FALSE(fresh_.is_untouched(memory_ + 64 * kKiB));
  EXPECT_TRUE(fresh_.is_untouched(memory_ + 100 * kKiB + kWordSize));  // right above its tag
  EXPECT_FALSE(fresh_.is_untouched(memory_ + sizeof memory_));
  fresh_.remove(part(128 * kKiB, sizeof memory_));
  EXPECT_FALSE(fresh_.is_untouched(memory_ + 140 * kKiB));
}

TEST_F(FreshMemoryTest, GrowthLeavesOneWordBehind) {
  fresh_.add(part(0, 128 * kKiB));
  fresh_.add(part(128 * kKiB, 256 * kKiB));
  EXPECT_EQ(cleared(part(64 * kKiB, 200 * kKiB)), 5 * kWordSize);
  fresh_.use(memory_ + 64 * kKiB);  // of a block below: the word is still there
  EXPECT_EQ(cleared(part(100 * kKiB, 200 * kKiB)), 5 * kWordSize);
  EXPECT_EQ(cleared(part(140 * kKiB, 200 * kKiB)), 4 * kWordSize);
}

TEST_F(FreshMemoryTest, GrowthThatIsNotUsedUpIsOldWhenItGrowsAgain) {
  fresh_.add(part(0, 64 * kKiB));
  fresh_.add(part(64 * kKiB, 128 * kKiB));
  fresh_.add(part(128 * kKiB, 256 * kKiB));
  EXPECT_GE(cleared(part(32 * kKiB, 200 * kKiB)), 96 * kKiB);
  EXPECT_EQ(cleared(part(140 * kKiB, 200 * kKiB)), 4 * kWordSize);
}

TEST_F(FreshMemoryTest, WhatTheKernelTookComesAgainFresh) {
  fresh_.add(part(0, 256 * kKiB));
  fresh_.use(memory_ + 200 * kKiB);
  fresh_.remove(part(128 * kKiB, 256 * kKiB));
  fresh_.add(part(128 * kKiB, 256 * kKiB));
  EXPECT_EQ(cleared(part(64 * kKiB, 128 * kKiB)), 64 * kKiB);
  EXPECT_EQ(cleared(part(128 * kKiB, 200 * kKiB)), 4 * kWordSize);
}

TEST_F(FreshMemoryTest, WhatTheKernelDidNotTakeIsOld) {
  fresh_.add(part(0, 256 * kKiB));
  fresh_.remove(part(128 * kKiB, 256 * kKiB));
  fresh_.put_back(part(128 * kKiB, 256 * kKiB));
  EXPECT_EQ(cleared(part(140 * kKiB, 200 * kKiB)), 60 * kKiB);
}

TEST_F(FreshMemoryTest, OtherHeapsAreOld) {
  fresh_.add(part(0, 64 * kKiB));
  fresh_.add(part(128 * kKiB, 256 * kKiB));
  EXPECT_EQ(cleared(part(32 * kKiB, 64 * kKiB)), 32 * kKiB);
  EXPECT_EQ(cleared(part(160 * kKiB, 200 * kKiB)), 4 * kWordSize);
  EXPECT_EQ(cleared(part(100 * kKiB, 200 * kKiB)), 100 * kKiB);
}

TEST_F(FreshMemoryTest, OfTheTopIsDueWhatTwoPassesHaveNotSeenInUse) {
  fresh_.add(part(0, sizeof memory_));
  fresh_.use(memory_ + 200 * kKiB);
  const Span top = part(100 * kKiB, sizeof memory_);
  ASSERT_TRUE(fresh_.is_top(top));
  EXPECT_FALSE(fresh_.is_top(part(100 * kKiB, 200 * kKiB)));
  EXPECT_GE(fresh_.dirty_part(top).size(), 100 * kKiB);
  EXPECT_TRUE(fresh_.begin_pass(top, false).size() < kKiB);  // it was in use a moment ago
  fresh_.use(memory_ + 150 * kKiB);                          // and this part is again
  const Span due = fresh_.begin_pass(top, false);
  EXPECT_GE(due.base, memory_ + 150 * kKiB);
  EXPECT_GE(due.acme, memory_ + 200 * kKiB);
}

TEST_F(FreshMemoryTest, WhatWasGivenBackIsFreshAgain) {
  fresh_.add(part(0, sizeof memory_));
  fresh_.use(memory_ + 200 * kKiB);
  const Span top = part(100 * kKiB, sizeof memory_);
  const Span due = fresh_.begin_pass(top, true);
  EXPECT_EQ(due.base, memory_ + 100 * kKiB + 4 * kWordSize);
  fresh_.forget(part(104 * kKiB, 240 * kKiB));
  EXPECT_TRUE(fresh_.is_untouched(memory_ + 104 * kKiB));
  EXPECT_EQ(cleared(part(104 * kKiB, 240 * kKiB)), 4 * kWordSize);
  EXPECT_EQ(cleared(part(100 * kKiB, 104 * kKiB)), 4 * kKiB);  // nobody has given that back
}

TEST_F(FreshMemoryTest, WhatIsUsedDuringAPassIsDueNoLonger) {
  fresh_.add(part(0, sizeof memory_));
  fresh_.use(memory_ + 200 * kKiB);
  const Span due = fresh_.begin_pass(part(100 * kKiB, sizeof memory_), true);
  fresh_.use(memory_ + 130 * kKiB);
  const Span still = fresh_.still_due(due, part(130 * kKiB, sizeof memory_));
  EXPECT_GE(still.base, memory_ + 130 * kKiB);
  EXPECT_EQ(still.acme, due.acme);
  EXPECT_FALSE(fresh_.still_due(due, part(210 * kKiB, sizeof memory_)).is_sized());
}

TEST_F(FreshMemoryTest, APartGivenBackBelowWhatIsOldIsNotFresh) {
  fresh_.add(part(0, sizeof memory_));
  fresh_.use(memory_ + 200 * kKiB);
  fresh_.begin_pass(part(100 * kKiB, sizeof memory_), true);
  fresh_.forget(part(104 * kKiB, 120 * kKiB));
  EXPECT_EQ(cleared(part(104 * kKiB, 120 * kKiB)), 16 * kKiB);
}

}  // namespace
}  // namespace talc
