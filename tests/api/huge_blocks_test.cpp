// Tests of api/huge_blocks.hpp: mapped, zero, resized without copying, and never lost to a refusal.
#include "talc/api/huge_blocks.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "support/flaky_pages.hpp"

namespace talc {
namespace {

struct Tag;
using Kernel = FlakyPages<Tag>;
using Map = PageMap<Kernel>;

constexpr size_t kMiB = size_t{1} << 20;

class HugeBlocksTest : public testing::Test {
 protected:
  ~HugeBlocksTest() override {
    Kernel::allow_all();
    blocks_.trim();
  }

  void release(void* block) { blocks_.release(block, Map::get(block)); }
  static size_t length(void* block) {
    return HugeBlocks<Kernel>::length_at(block, Map::get(block));
  }
  static char* bytes(void* block) { return static_cast<char*>(block); }

  // What is mapped is live or kept.
  void expect_balanced() const {
    const auto counts = blocks_.get_counts();
    EXPECT_EQ(Footprint<Kernel>::mapped_bytes(), counts.live_bytes + counts.kept_bytes);
  }

  HugeBlocks<Kernel> blocks_;
};

TEST_F(HugeBlocksTest, AllocatesZeroedMappings) {
  for (const size_t size : {size_t{0}, size_t{1}, 4 * kMiB, 5 * kMiB + 1, 300 * kMiB}) {
    void* const block = blocks_.allocate(size, 16);
    ASSERT_NE(block, nullptr);
    EXPECT_GE(length(block), size);
    EXPECT_LT(length(block) - size, kGranuleSize + 1);
    EXPECT_EQ(bytes(block)[0] | bytes(block)[length(block) - 1], 0);
    EXPECT_EQ(blocks_.get_counts().live_bytes, length(block));
    release(block);
  }
  EXPECT_EQ(blocks_.get_counts().allocations, 5U);
  EXPECT_EQ(blocks_.get_counts().frees, 5U);
  EXPECT_EQ(Footprint<Kernel>::mapped_bytes(), 0U);
  EXPECT_GE(Footprint<Kernel>::peak_bytes(), 300 * kMiB);
}

TEST_F(HugeBlocksTest, AlignsAsAsked) {
  for (size_t align = 1; align <= 256 * kMiB; align *= 4) {
    void* const block = blocks_.allocate(100, align);
    ASSERT_NE(block, nullptr);
    EXPECT_TRUE(is_aligned(block, align));
    release(block);
  }
  expect_balanced();
}

TEST_F(HugeBlocksTest, RefusesTheImpossible) {
  EXPECT_EQ(blocks_.allocate(~size_t{0}, 16), nullptr);
  EXPECT_EQ(blocks_.allocate(~size_t{0} / 8 * 7, 16), nullptr);
  EXPECT_EQ(blocks_.allocate(~size_t{0} / 4 * 3, ~size_t{0} / 2 + 1), nullptr);
  expect_balanced();
}

TEST_F(HugeBlocksTest, ResizesWithoutTouchingPages) {
  void* block = blocks_.allocate(64 * kMiB, 16);
  bytes(block)[1] = 'a';
  bytes(block)[63 * kMiB] = 'b';
  constexpr size_t kLarge = (kWordBits == 64 ? 2048 : 512) * kMiB;
  for (const size_t size : {200 * kMiB, kLarge / 2, kLarge, 70 * kMiB, 64 * kMiB}) {
    block = blocks_.resize(block, length(block), size);
    ASSERT_NE(block, nullptr);
    EXPECT_EQ(length(block), size);
    EXPECT_EQ(bytes(block)[1], 'a');
    EXPECT_EQ(bytes(block)[63 * kMiB], 'b');
    expect_balanced();
  }
  // Two pages, or two huge ones.
  EXPECT_LE(Kernel::resident_bytes(Span::from_base_size(bytes(block), length(block))), 4 * kMiB);
  release(block);
}

TEST_F(HugeBlocksTest, MovesWhenSomebodyIsInTheWay) {
  void* const block = blocks_.allocate(8 * kMiB, 16);
  bytes(block)[7 * kMiB] = 'x';
  char* const above = bytes(block) + length(block);
  char* const obstacle = Kernel::map(above, kGranuleSize);
  void* const moved = blocks_.resize(block, length(block), 16 * kMiB);
  ASSERT_NE(moved, nullptr);
  EXPECT_NE(moved, block);
  EXPECT_EQ(bytes(moved)[7 * kMiB], 'x');
  EXPECT_EQ(Map::get(block), PageEntry::returned());
  release(moved);
  Kernel::unmap(Span::from_base_size(obstacle, kGranuleSize));
}

TEST_F(HugeBlocksTest, ARefusedResizeChangesNothing) {
  void* const block = blocks_.allocate(8 * kMiB, 16);
  bytes(block)[5] = 'x';
  Kernel::resizes_left = 0;
  Kernel::moves_left = 0;
  EXPECT_EQ(blocks_.resize(block, length(block), 16 * kMiB), nullptr);
  EXPECT_EQ(blocks_.resize(block, length(block), 4 * kMiB), nullptr);
  EXPECT_EQ(blocks_.resize(block, length(block), ~size_t{0} / 2), nullptr);
  EXPECT_EQ(length(block), 8 * kMiB);
  EXPECT_EQ(bytes(block)[5], 'x');
  Kernel::allow_all();
  release(block);
  expect_balanced();
}

TEST_F(HugeBlocksTest, AFreedBlockIsKeptWithItsPagesAndFittedToTheNextRequest) {
  void* const block = blocks_.allocate(8 * kMiB, 16);
  memset(block, 'x', 8 * kMiB);
  release(block);
  EXPECT_EQ(blocks_.get_counts().kept_count, 1U);
  EXPECT_EQ(blocks_.get_counts().kept_bytes, 8 * kMiB);
  EXPECT_EQ(Map::get(block).kind(), PageEntry::Kind::returned);
  expect_balanced();

  void* const shorter = blocks_.allocate(7 * kMiB, 16);
  EXPECT_EQ(shorter, block);
  EXPECT_EQ(length(shorter), 7 * kMiB);
  EXPECT_EQ(bytes(shorter)[7 * kMiB - 1], 'x');
  expect_balanced();
  release(shorter);

  void* const longer = blocks_.allocate(20 * kMiB, 16);
  EXPECT_EQ(length(longer), 20 * kMiB);
  EXPECT_EQ(bytes(longer)[7 * kMiB - 1], 'x');
  EXPECT_EQ(bytes(longer)[20 * kMiB - 1], 0);
  EXPECT_EQ(blocks_.get_counts().kept_count, 0U);
  expect_balanced();
  release(longer);
}

TEST_F(HugeBlocksTest, OfSeveralTheNearestInLengthServes) {
  std::vector<void*> blocks;
  for (const size_t size : {4 * kMiB, 6 * kMiB, 5 * kMiB}) {
    blocks.push_back(blocks_.allocate(size, 16));
  }
  for (void* const block : blocks) {
    release(block);
  }
  EXPECT_EQ(blocks_.get_counts().kept_count, 3U);
  EXPECT_EQ(blocks_.allocate(5 * kMiB, 16), blocks[2]);
  void* const aligned = blocks_.allocate(4 * kMiB, 64 * kMiB);  // of none: mremap moves anywhere
  EXPECT_TRUE(is_aligned(aligned, 64 * kMiB));
  EXPECT_EQ(blocks_.get_counts().kept_count, 2U);
  release(aligned);
  EXPECT_TRUE(blocks_.trim());
  EXPECT_EQ(blocks_.get_counts().kept_bytes, 0U);
  release(blocks[2]);
}

TEST_F(HugeBlocksTest, WhatIsKeptIsBounded) {
  std::vector<void*> blocks;
  for (int i = 0; i < 100; ++i) {
    blocks.push_back(blocks_.allocate(5 * kMiB, 16));
  }
  for (void* const block : blocks) {
    release(block);
    EXPECT_LE(blocks_.get_counts().kept_bytes, HugeBlocks<Kernel>::kMaxKept);
    expect_balanced();
  }
}

TEST_F(HugeBlocksTest, AZeroedBlockIsOneThatWasKeptAndIsCleared) {
  for (const size_t size : {8 * kMiB, 7 * kMiB, 9 * kMiB}) {
    void* const block = blocks_.allocate(8 * kMiB, 16);
    memset(block, 'x', length(block));
    release(block);
    char* const zeroed = bytes(blocks_.allocate_zeroed(size, 16));
    EXPECT_EQ(blocks_.get_counts().kept_count, 0U);
    EXPECT_EQ(std::count(zeroed, zeroed + size, 0), static_cast<ptrdiff_t>(size));
    EXPECT_GE(Kernel::resident_bytes(Span::from_base_size(zeroed, 7 * kMiB)), 7 * kMiB);
    release(zeroed);
  }
  expect_balanced();
}

TEST_F(HugeBlocksTest, ClearingMakesLittleUsedMemoryNoLarger) {
  for (const int purges : {Kernel::kAlways, 0}) {
    void* const block = blocks_.allocate(8 * kMiB, 16);
    memset(block, 'x', 2 * kMiB);
    bytes(block)[2 * kMiB] = bytes(block)[5 * kMiB] = 'x';
    release(block);
    Kernel::purges_left = purges;
    char* const zeroed = bytes(blocks_.allocate_zeroed(8 * kMiB, 16));
    EXPECT_EQ(zeroed, block);
    const size_t resident = Kernel::resident_bytes(Span::from_base_size(zeroed, 8 * kMiB));
    EXPECT_EQ(resident, purges != 0 ? 2 * kMiB : 8 * kMiB);  // what cannot be taken is written
    EXPECT_EQ(std::count(zeroed, zeroed + 8 * kMiB, 0), static_cast<ptrdiff_t>(8 * kMiB));
    Kernel::allow_all();
    release(zeroed);
    blocks_.trim();
  }
}

// As of a program that makes and drops arrays of zeros.
TEST_F(HugeBlocksTest, ZeroedBlocksThatComeAndGoKeepNoMore) {
  for (int i = 0; i < 20; ++i) {
    void* const block = blocks_.allocate_zeroed(7 * kMiB, 16);
    memset(block, 'x', 7 * kMiB);
    release(block);
    EXPECT_LE(Footprint<Kernel>::mapped_bytes(), 7 * kMiB);
  }
}

TEST_F(HugeBlocksTest, WhatCannotBeUnmappedIsKeptEmptyAndReused) {
  void* const block = blocks_.allocate(100 * kMiB, 16);
  bytes(block)[4 * kMiB] = 'x';
  Kernel::unmaps_left = 0;
  release(block);
  EXPECT_EQ(blocks_.get_counts().kept_bytes, 100 * kMiB);
  expect_balanced();
  EXPECT_FALSE(blocks_.trim());
  EXPECT_EQ(blocks_.get_counts().kept_bytes, 100 * kMiB);

  Kernel::maps_left = 0;
  Kernel::resizes_left = 0;
  Kernel::moves_left = 0;
  EXPECT_EQ(blocks_.allocate(90 * kMiB, 16), nullptr);
  EXPECT_EQ(blocks_.allocate(110 * kMiB, 16), nullptr);
  expect_balanced();
  void* const again = blocks_.allocate(100 * kMiB, 16);
  EXPECT_EQ(again, block);
  EXPECT_EQ(bytes(again)[4 * kMiB], 0);
  EXPECT_EQ(blocks_.get_counts().kept_count, 0U);
  expect_balanced();
  Kernel::allow_all();
  release(again);
  EXPECT_EQ(Footprint<Kernel>::mapped_bytes(), 0U);
}

TEST_F(HugeBlocksTest, OfManyThatCannotBeUnmappedNoneIsLost) {
  std::vector<void*> blocks;
  for (int i = 0; i < 100; ++i) {
    blocks.push_back(blocks_.allocate(5 * kMiB, 16));
  }
  Kernel::unmaps_left = 0;
  for (void* const block : blocks) {
    release(block);
  }
  EXPECT_FALSE(blocks_.trim());
  EXPECT_EQ(blocks_.get_counts().kept_bytes, 500 * kMiB);
  expect_balanced();
  Kernel::unmaps_left = 60;
  EXPECT_TRUE(blocks_.trim());
  EXPECT_EQ(Footprint<Kernel>::mapped_bytes(), 200 * kMiB);
  Kernel::allow_all();
  EXPECT_TRUE(blocks_.trim());
  EXPECT_EQ(Footprint<Kernel>::mapped_bytes(), 0U);
  expect_balanced();
}

TEST_F(HugeBlocksTest, CountsResidentPages) {
  void* const block = blocks_.allocate(64 * kMiB, 16);
  const size_t before = HugeBlocks<Kernel>::resident_bytes();
  bytes(block)[0] = bytes(block)[32 * kMiB] = 1;
  EXPECT_GE(HugeBlocks<Kernel>::resident_bytes(), before + 2 * Kernel::page_size());
  release(block);
}

using HugeBlocksDeathTest = HugeBlocksTest;

TEST_F(HugeBlocksDeathTest, NamesMisuse) {
  void* const block = blocks_.allocate(8 * kMiB, 16);
  const PageEntry entry = Map::get(block);
  EXPECT_DEATH(blocks_.release(bytes(block) + 8, entry), "talc: misaligned pointer: 0x");
  EXPECT_DEATH(blocks_.release(bytes(block) + 16, entry), "talc: invalid pointer: 0x");
  EXPECT_DEATH(blocks_.release(bytes(block) + Kernel::page_size(), entry),
               "talc: invalid pointer: 0x");
  release(block);
  EXPECT_DEATH(blocks_.release(block, entry), "talc: double free: 0x");
}

TEST_F(HugeBlocksTest, WhatIsKeptFromOnePassToTheNextIsUnmapped) {
  release(blocks_.allocate(5 * kMiB, 16));
  PurgePass count;
  blocks_.purge(count);
  EXPECT_GE(count.dirty_bytes, 5 * kMiB);
  PurgePass first{.takes = PurgePass::Takes::idle, .number = 1};
  blocks_.purge(first);
  EXPECT_GE(blocks_.get_counts().kept_bytes, 5 * kMiB);
  PurgePass second{.takes = PurgePass::Takes::idle, .number = 2};
  blocks_.purge(second);
  EXPECT_EQ(blocks_.get_counts().kept_bytes, 0U);
  EXPECT_GE(second.purged_bytes, 5 * kMiB);
  expect_balanced();
}

TEST_F(HugeBlocksTest, BlocksThatComeAndGoAreSoonKeptThoughTheyAreMany) {
  size_t maps = 0;
  for (int cycle = 0; cycle < 20; ++cycle) {
    const size_t before = Kernel::system_calls();
    std::vector<void*> blocks(4);
    for (void*& block : blocks) {
      block = blocks_.allocate(10 * kMiB, 16);
    }
    for (void* block : blocks) {
      release(block);
    }
    maps = Kernel::system_calls() - before;
  }
  EXPECT_EQ(maps, 0U);  // of the last cycle
  expect_balanced();
  for (unsigned number = 1; number <= 2; ++number) {
    PurgePass pass{.takes = PurgePass::Takes::idle, .number = number};
    blocks_.purge(pass);
  }
  EXPECT_EQ(blocks_.get_counts().kept_bytes, 0U);
}

}  // namespace
}  // namespace talc
