// Tests of front/hot_blocks.hpp: a block comes back for a request of about its size, once.
#include "talc/front/hot_blocks.hpp"

#include <gtest/gtest.h>

#include <set>

namespace talc {
namespace {

constexpr size_t kKiB = size_t{1} << 10;

void* block(size_t number) { return reinterpret_cast<void*>(number << 20); }

TEST(HotBlocks, ServeRequestsThatLeaveLittleUnused) {
  HotBlocks hot;
  size_t size = 0;
  EXPECT_EQ(hot.take(64 * kKiB, size), nullptr);
  EXPECT_TRUE(hot.put(block(1), 64 * kKiB));
  EXPECT_EQ(hot.take(64 * kKiB + 1, size), nullptr);
  EXPECT_EQ(hot.take(50 * kKiB, size), nullptr);
  EXPECT_EQ(hot.take(60 * kKiB, size), block(1));
  EXPECT_EQ(size, 64 * kKiB);
  EXPECT_EQ(hot.take(60 * kKiB, size), nullptr);
}

TEST(HotBlocks, HoldOneOfEachRangeAndNoMoreThanTheyMay) {
  HotBlocks hot;
  size_t held = 0;
  for (size_t size = 1; size <= 2 * HotBlocks::kMaxSize; size += 4 * kKiB) {
    held += hot.put(block(size), size) ? size : 0;
    EXPECT_LE(held, HotBlocks::kMaxBytes);
  }
  size_t count = 0;
  size_t bytes = 0;
  hot.add_to(count, bytes);
  EXPECT_EQ(bytes, held);
  EXPECT_GE(count, 4U);
  std::set<void*> seen;
  hot.empty([&](void* ptr, size_t size) {
    EXPECT_TRUE(seen.insert(ptr).second);
    held -= size;
  });
  EXPECT_EQ(seen.size(), count);
  EXPECT_EQ(held, 0U);
  EXPECT_TRUE(hot.put(block(7), HotBlocks::kMaxSize));
}

TEST(HotBlocks, AreNotForSmallAndVeryLargeBlocks) {
  HotBlocks hot;
  size_t size = 0;
  EXPECT_FALSE(hot.put(block(1), SizeClasses::kMaxSize));
  EXPECT_FALSE(hot.put(block(1), HotBlocks::kMaxSize + 1));
  EXPECT_EQ(hot.take(SizeClasses::kMaxSize, size), nullptr);
  EXPECT_EQ(hot.take(HotBlocks::kMaxSize + 1, size), nullptr);
}

}  // namespace
}  // namespace talc
