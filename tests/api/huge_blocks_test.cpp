// Tests of api/huge_blocks.hpp: mapped, zero, resized without copying, and never lost to a refusal.
#include "talc/api/huge_blocks.hpp"

#include <gtest/gtest.h>

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
  ~HugeBlocksTest() override { Kernel::allow_all(); }

  void release(void* block) { blocks_.release(block, Map::get(block)); }
  static size_t length(void* block) {
    return HugeBlocks<Kernel>::length_at(block, Map::get(block));
  }
  static char* bytes(void* block) { return static_cast<char*>(block); }

  // What is mapped is live or kept.
  void expect_balanced() const {
    const auto counts = blocks_.get_counts();
    EXPECT_EQ(footprint_.mapped_bytes(), counts.live_bytes + counts.kept_bytes);
  }

  Footprint footprint_;
  HugeBlocks<Kernel> blocks_{footprint_};
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
  EXPECT_EQ(footprint_.mapped_bytes(), 0U);
  EXPECT_GE(footprint_.peak_bytes(), 300 * kMiB);
}

TEST_F(HugeBlocksTest, AlignsAsAsked) {
  for (size_t align = 1; align <= 1024 * kMiB; align *= 4) {
    void* const block = blocks_.allocate(100, align);
    ASSERT_NE(block, nullptr);
    EXPECT_TRUE(is_aligned(block, align));
    release(block);
  }
  expect_balanced();
}

TEST_F(HugeBlocksTest, RefusesTheImpossible) {
  EXPECT_EQ(blocks_.allocate(~size_t{0}, 16), nullptr);
  EXPECT_EQ(blocks_.allocate(~size_t{0} / 2, 16), nullptr);
  EXPECT_EQ(blocks_.allocate(1, ~size_t{0} / 2 + 1), nullptr);
  expect_balanced();
}

TEST_F(HugeBlocksTest, ResizesWithoutTouchingPages) {
  void* block = blocks_.allocate(64 * kMiB, 16);
  bytes(block)[1] = 'a';
  bytes(block)[63 * kMiB] = 'b';
  for (const size_t size : {200 * kMiB, 1024 * kMiB, 2048 * kMiB, 70 * kMiB, 64 * kMiB}) {
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

TEST_F(HugeBlocksTest, WhatCannotBeUnmappedIsKeptEmptyAndReused) {
  void* const block = blocks_.allocate(8 * kMiB, 16);
  bytes(block)[8] = bytes(block)[4 * kMiB] = 'x';
  Kernel::unmaps_left = 0;
  release(block);
  EXPECT_EQ(blocks_.get_counts().kept_count, 1U);
  EXPECT_EQ(blocks_.get_counts().kept_bytes, 8 * kMiB);
  expect_balanced();
  EXPECT_FALSE(blocks_.trim());

  Kernel::maps_left = 0;
  EXPECT_EQ(blocks_.allocate(9 * kMiB, 16), nullptr);
  void* const again = blocks_.allocate(7 * kMiB, 16);
  EXPECT_EQ(again, block);
  EXPECT_EQ(length(again), 8 * kMiB);
  for (const size_t at : {size_t{0}, size_t{8}, size_t{16}, 4 * kMiB}) {
    EXPECT_EQ(bytes(again)[at], 0);
  }
  EXPECT_EQ(blocks_.get_counts().kept_count, 0U);
  expect_balanced();

  Kernel::purges_left = 0;  // as for memory that is locked
  bytes(again)[4 * kMiB] = 'y';
  release(again);
  void* const third = blocks_.allocate(8 * kMiB, 16);
  EXPECT_EQ(third, block);
  EXPECT_EQ(bytes(third)[4 * kMiB], 0);
  release(third);
  Kernel::allow_all();
  EXPECT_TRUE(blocks_.trim());
  EXPECT_EQ(footprint_.mapped_bytes(), 0U);
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

}  // namespace
}  // namespace talc
