// Tests of core/quick_lists.hpp: which chunks may wait, how they are taken, and how all of them
// leave.
#include "talc/core/quick_lists.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace talc {
namespace {

class QuickListsTest : public testing::Test {
 protected:
  static constexpr size_t kSlot = 64;

  QuickListsTest() : chunks_((QuickLists<>::kMaxCount + 1) * kSlot + 4096) {
    lists_.adopt_table(reinterpret_cast<char*>(table_));
    base_ = align_up(chunks_.data(), 4096);
  }

  // Memory that stands for a chunk: aligned to 64 bytes, and two words more if `odd`.
  char* chunk(size_t index, bool odd = false) {
    return base_ + index * kSlot + (odd ? 2 * kWordSize : 0);
  }

  alignas(size_t) size_t table_[QuickLists<>::kTableBytes / sizeof(size_t)];
  std::vector<char> chunks_;
  char* base_;
  QuickLists<> lists_;
};

TEST(QuickLists, WithoutATableNothingWaits) {
  const QuickLists<> lists;
  EXPECT_FALSE(lists.serves(0));
  EXPECT_FALSE(lists.accepts(kMinChunkSize));
  EXPECT_EQ(lists.count(), 0U);
  lists.for_each([](char*, size_t) { ADD_FAILURE(); });
  EXPECT_FALSE(lists.serves(~size_t{0}));
}

TEST_F(QuickListsTest, ServesExactlyTheRequestsWhoseChunksItAccepts) {
  for (size_t size = 0; size < 2 * QuickLists<>::kMaxSize; ++size) {
    ASSERT_EQ(lists_.serves(size), chunk_size_for(size) <= QuickLists<>::kMaxSize) << size;
    ASSERT_EQ(lists_.serves(size), lists_.accepts(chunk_size_for(size))) << size;
  }
  EXPECT_FALSE(lists_.serves(~size_t{0}));
  EXPECT_FALSE(lists_.serves(kMaxRequest));
}

TEST_F(QuickListsTest, GivesBackWhatCameLastOfEachSize) {
  lists_.push(chunk(0), 32);
  lists_.push(chunk(1), 32);
  lists_.push(chunk(2), QuickLists<>::kMaxSize);
  EXPECT_EQ(lists_.count(), 3U);
  EXPECT_EQ(lists_.take(40, 1, 0), nullptr);
  EXPECT_EQ(lists_.take(32, 1, 0), chunk(1));
  EXPECT_EQ(lists_.take(32, 1, 0), chunk(0));
  EXPECT_EQ(lists_.take(32, 1, 0), nullptr);
  EXPECT_EQ(lists_.take(QuickLists<>::kMaxSize, 1, 0), chunk(2));
  EXPECT_EQ(lists_.count(), 0U);
}

TEST_F(QuickListsTest, PassesOverAFewThatAreNotAligned) {
  lists_.push(chunk(0), 32);
  for (int i = 1; i < QuickLists<>::kLooks; ++i) {
    lists_.push(chunk(static_cast<size_t>(i), true), 32);
  }
  EXPECT_EQ(lists_.take(32, 64, kWordSize), nullptr);
  EXPECT_EQ(lists_.take(32, 64, 0), chunk(0)) << "the last of those that are looked at";
  EXPECT_EQ(lists_.take(32, 64, kSlot - 2 * kWordSize), chunk(QuickLists<>::kLooks - 1, true));
  EXPECT_EQ(lists_.count(), static_cast<size_t>(QuickLists<>::kLooks) - 2);
}

TEST_F(QuickListsTest, LooksNoFurtherThanItSays) {
  lists_.push(chunk(0), 32);
  for (int i = 0; i < QuickLists<>::kLooks; ++i) {
    lists_.push(chunk(static_cast<size_t>(i) + 1, true), 32);
  }
  EXPECT_EQ(lists_.take(32, 64, 0), nullptr);
  EXPECT_EQ(lists_.count(), static_cast<size_t>(QuickLists<>::kLooks) + 1);
}

TEST_F(QuickListsTest, IsFullAtItsLimit) {
  for (size_t i = 0; i < QuickLists<>::kMaxCount; ++i) {
    EXPECT_FALSE(lists_.is_full());
    lists_.push(chunk(i), 32 + i % 8 * kWordSize);
  }
  EXPECT_TRUE(lists_.is_full());
}

TEST_F(QuickListsTest, AllLeaveWhenDrained) {
  std::vector<std::pair<char*, size_t>> pushed;
  for (size_t i = 0; i < 100; ++i) {
    pushed.emplace_back(chunk(i), kMinChunkSize + i % 7 * kWordSize);
    lists_.push(pushed.back().first, pushed.back().second);
  }
  std::vector<std::pair<char*, size_t>> seen;
  lists_.for_each([&](char* at, size_t size) { seen.emplace_back(at, size); });
  std::sort(seen.begin(), seen.end());
  EXPECT_EQ(seen, pushed);

  seen.clear();
  lists_.drain([&](char* at, size_t size) { seen.emplace_back(at, size); });
  std::sort(seen.begin(), seen.end());
  EXPECT_EQ(seen, pushed);
  EXPECT_EQ(lists_.count(), 0U);
  lists_.drain([](char*, size_t) { ADD_FAILURE(); });
}

// What frees a chunk writes over it, and may come back for the others.
TEST_F(QuickListsTest, MayBeDrainedWhileItIsDrained) {
  for (size_t i = 0; i < 10; ++i) {
    lists_.push(chunk(i), 32 + i % 2 * kWordSize);
  }
  size_t seen = 0;
  lists_.drain([&](char* at, size_t) {
    seen += 1;
    store_word(at, ~size_t{0});
    lists_.drain([&](char* inner, size_t) {
      seen += 1;
      store_word(inner, ~size_t{0});
    });
    EXPECT_EQ(lists_.count(), 0U);
  });
  EXPECT_EQ(seen, 10U);
}

}  // namespace
}  // namespace talc
