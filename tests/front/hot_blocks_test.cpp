// Tests of front/hot_blocks.hpp: a block comes back for a request of about its size, once.
#include "talc/front/hot_blocks.hpp"

#include <gtest/gtest.h>

#include <set>

namespace talc {
namespace {

constexpr size_t kKiB = size_t{1} << 10;

void* block(size_t number) { return reinterpret_cast<void*>(number << 20); }

// May hold as much as there can be.
struct Unlimited : HotBlocks {
  Unlimited() { set_limit(kMaxBytes); }
};

size_t count(const HotBlocks& hot) {
  size_t blocks = 0;
  size_t bytes = 0;
  hot.for_each([&](const void*, size_t size_bytes) {
    blocks += 1;
    bytes += size_bytes;
  });
  EXPECT_EQ(bytes, hot.bytes());
  return blocks;
}

TEST(HotBlocks, HaveSizesThatServeAllRequestsOfAClass) {
  for (size_t size = HotBlocks::kMinSize; size <= HotBlocks::kMaxSize; size += 61) {
    const size_t usable = HotBlocks::class_size(size);
    ASSERT_GE(usable, size);
    ASSERT_LE(usable - size, size / 32);
    ASSERT_EQ(HotBlocks::class_size(usable), usable);
    Unlimited hot;
    size_t found = 0;
    ASSERT_TRUE(hot.put(block(1), usable));
    ASSERT_EQ(hot.take(size, found), block(1));
    ASSERT_EQ(found, usable);
  }
}

TEST(HotBlocks, HaveTheSizesThatOthersAskForIfTheyAreNotServed) {
  for (const size_t size :
       {size_t{1}, HotBlocks::kMinSize - 1, HotBlocks::kMaxSize + 1, ~size_t{0}}) {
    EXPECT_EQ(HotBlocks::class_size(size), size);
  }
  EXPECT_EQ(HotBlocks::class_size(HotBlocks::kMaxSize), HotBlocks::kMaxSize);
}

TEST(HotBlocks, ServeRequestsThatLeaveLittleUnused) {
  for (size_t usable = 16 * kKiB; usable <= HotBlocks::kMaxSize;
       usable = HotBlocks::class_size(usable + 4080)) {
    for (size_t size = usable * 3 / 4; size <= usable + 16; size += 64) {
      Unlimited hot;
      ASSERT_TRUE(hot.put(block(1), usable));
      size_t found = 0;
      if (hot.take(size, found) != nullptr) {
        ASSERT_LE(size, usable);
        ASSERT_LE(usable - size, usable / 8);
        ASSERT_EQ(found, usable);
        ASSERT_EQ(hot.take(size, found), nullptr);
      } else {
        ASSERT_TRUE(HotBlocks::class_size(size) > usable || size < usable - usable / 32)
            << size << " of " << usable;
      }
    }
  }
}

TEST(HotBlocks, TheNewestOfTheClassServesFirst) {
  Unlimited hot;
  size_t size = 0;
  EXPECT_TRUE(hot.put(block(1), 10 * kKiB));
  EXPECT_TRUE(hot.put(block(2), 10 * kKiB + 128));
  EXPECT_EQ(hot.take(10 * kKiB - 16, size), block(2));
  EXPECT_EQ(size, 10 * kKiB + 128);
  EXPECT_EQ(hot.take(10 * kKiB - 16, size), block(1));
  EXPECT_EQ(size, 10 * kKiB);
  EXPECT_EQ(hot.take(10 * kKiB - 16, size), nullptr);
  EXPECT_EQ(count(hot), 0U);
  EXPECT_EQ(hot.bytes(), 0U);
}

TEST(HotBlocks, OneOfTheThreeClassesAboveServesIfItsOwnHasNone) {
  for (unsigned above = 0; above <= 4; ++above) {
    Unlimited hot;
    size_t size = 0;
    EXPECT_TRUE(hot.put(block(1), 10 * kKiB - 256));
    EXPECT_TRUE(hot.put(block(2), 10 * kKiB + above * 256));
    EXPECT_EQ(hot.take(10 * kKiB - 16, size), above < 4 ? block(2) : nullptr);
    EXPECT_EQ(hot.take(10 * kKiB - 256, size), block(1));
  }
}

TEST(HotBlocks, OneServesIfItIsAligned) {
  Unlimited hot;
  size_t found = 0;
  ASSERT_TRUE(hot.put(block(1), 10 * kKiB));
  ASSERT_TRUE(hot.put(block(2), 10 * kKiB + kKiB / 4));
  EXPECT_EQ(hot.take_aligned(10 * kKiB, size_t{4} << 20, found), nullptr);
  EXPECT_EQ(hot.take_aligned(10 * kKiB, size_t{2} << 20, found), block(2));
  EXPECT_EQ(found, 10 * kKiB + kKiB / 4);
  EXPECT_EQ(hot.take_aligned(10 * kKiB, size_t{1} << 20, found), block(1));
  EXPECT_EQ(hot.take_aligned(10 * kKiB, 1, found), nullptr);
  EXPECT_EQ(hot.take_aligned(HotBlocks::kMaxSize + 1, 1, found), nullptr);
  EXPECT_EQ(hot.bytes(), 0U);
}

TEST(HotBlocks, AreNotThoseThatNoRequestOfAClassCanRelyOn) {
  Unlimited hot;
  EXPECT_FALSE(hot.put(block(1), 8 * kKiB + 240));
  EXPECT_TRUE(hot.put(block(1), 8 * kKiB + 256));
}

TEST(HotBlocks, OfTheLargestSizeTheyServeToo) {
  Unlimited hot;
  size_t size = 0;
  EXPECT_TRUE(hot.put(block(1), HotBlocks::kMaxSize));
  EXPECT_EQ(hot.take(HotBlocks::kMaxSize, size), block(1));
  EXPECT_TRUE(hot.put(block(1), HotBlocks::kMaxSize));
  EXPECT_EQ(hot.take(HotBlocks::kMaxSize - 1000, size), block(1));
  EXPECT_EQ(hot.take(HotBlocks::kMaxSize, size), nullptr);
}

TEST(HotBlocks, HoldAsManyAsThereArePlacesAndUseThemAgain) {
  const size_t least = HotBlocks::class_size(HotBlocks::kMinSize);
  const size_t many = HotBlocks::kMaxBytes / least;
  static_assert(HotBlocks::kMaxBytes / HotBlocks::class_size(HotBlocks::kMinSize) <=
                HotBlocks::kPlaces);
  Unlimited hot;
  for (unsigned turn = 0; turn < 3; ++turn) {
    size_t size = 0;
    for (unsigned i = 0; i < many; ++i) {
      EXPECT_TRUE(hot.put(block(i + 1), least));
    }
    EXPECT_FALSE(hot.put(block(1000), least));
    for (size_t i = many; i > many / 2; --i) {
      EXPECT_EQ(hot.take(least, size), block(i));
      EXPECT_EQ(size, least);
    }
    EXPECT_EQ(count(hot), many / 2);
    EXPECT_TRUE(hot.put(block(1001), 12 * kKiB));
    EXPECT_TRUE(hot.put(block(1002), least));
    EXPECT_EQ(count(hot), many / 2 + 2);
    EXPECT_EQ(hot.take(12 * kKiB, size), block(1001));
    EXPECT_EQ(hot.take(least, size), block(1002));
    hot.empty([](void*, size_t) {});
  }
}

TEST(HotBlocks, HoldNoMoreThanTheyMay) {
  Unlimited hot;
  size_t held = 0;
  for (size_t size = 16; size <= 2 * HotBlocks::kMaxSize; size += 4 * kKiB) {
    held += hot.put(block(size / kKiB), size) ? size : 0;
    EXPECT_LE(held, HotBlocks::kMaxBytes);
  }
  const size_t held_blocks = count(hot);
  EXPECT_EQ(hot.bytes(), held);
  EXPECT_GE(held_blocks, 4U);
  std::set<void*> seen;
  hot.empty([&](void* ptr, size_t size) {
    EXPECT_TRUE(seen.insert(ptr).second);
    held -= size;
  });
  EXPECT_EQ(seen.size(), held_blocks);
  EXPECT_EQ(held, 0U);
  EXPECT_TRUE(hot.put(block(7), HotBlocks::kMaxSize));
}

TEST(HotBlocks, HoldNoMoreThanTheirLimit) {
  HotBlocks hot;
  EXPECT_FALSE(hot.put(block(1), 10 * kKiB));
  EXPECT_TRUE(hot.needs_more_for(10 * kKiB));
  hot.set_limit(25 * kKiB);
  EXPECT_TRUE(hot.put(block(1), 10 * kKiB));
  EXPECT_TRUE(hot.put(block(2), 10 * kKiB));
  EXPECT_FALSE(hot.put(block(3), 10 * kKiB));
  EXPECT_TRUE(hot.needs_more_for(10 * kKiB));
  EXPECT_FALSE(hot.needs_more_for(HotBlocks::kMaxSize + 16));
  hot.set_limit(HotBlocks::kMaxBytes);
  EXPECT_TRUE(hot.put(block(3), 10 * kKiB));
  EXPECT_FALSE(hot.needs_more_for(HotBlocks::kMaxSize));
  EXPECT_EQ(count(hot), 3U);
}

TEST(HotBlocks, AreNotForSmallAndVeryLargeBlocks) {
  Unlimited hot;
  size_t size = 0;
  EXPECT_FALSE(hot.put(block(1), SizeClasses::kMaxSize));
  EXPECT_FALSE(hot.put(block(1), HotBlocks::kMaxSize + 16));
  EXPECT_EQ(hot.take(SizeClasses::kMaxSize, size), nullptr);
  EXPECT_EQ(hot.take(HotBlocks::kMaxSize + 1, size), nullptr);
}

}  // namespace
}  // namespace talc
