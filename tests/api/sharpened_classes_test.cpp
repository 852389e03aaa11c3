// Tests of what the process heap does with a class that sharpens, which each class of a process does once.
#include <gtest/gtest.h>

#include <vector>

#include "api/process_blocks.hpp"

namespace talc {
namespace {

using SharpenedClassesTest = ProcessBlocksTest;

TEST_F(SharpenedClassesTest, SlotsOfACoarseClassServeBelowItAndAreCountedAsWhatTheyAre) {
  constexpr size_t kCoarse = 5120;
  constexpr size_t kFine = kCoarse - 200;
  std::vector<Block> blocks;
  const auto expect_exact = [&] {
    size_t usable = 0;
    for (const Block& block : blocks) {
      usable += process_heap().usable_size(block.bytes);
    }
    EXPECT_EQ(stats().allocated - before_.allocated, usable);
  };
  const auto release_every_second = [&] {
    std::vector<Block> kept;
    for (size_t i = 0; i < blocks.size(); ++i) {
      if (i % 2 == 0) {
        kept.push_back(blocks[i]);
      } else {
        EXPECT_TRUE(release(blocks[i]));
      }
    }
    blocks = kept;
  };
  ASSERT_EQ(ClassMap<Pages>::class_of(kFine), SizeClasses::class_of(kCoarse));
  while (ClassMap<Pages>::class_of(kFine) == SizeClasses::class_of(kCoarse)) {
    blocks.push_back(allocate(kCoarse, 1));
  }
  release_every_second();
  process_heap().trim(0);  // what magazines have goes to the slabs, whose other half is live
  const size_t slabs = stats().slabs;
  for (int i = 0; i < 40; ++i) {
    blocks.push_back(allocate(kFine, 2));
    EXPECT_EQ(process_heap().usable_size(blocks.back().bytes), kCoarse);
  }
  EXPECT_EQ(stats().slabs, slabs);
  expect_exact();
  EXPECT_GT(stats().cached, 0U);
  release_every_second();
  expect_exact();
  for (const Block& block : blocks) {
    EXPECT_TRUE(release(block));
  }
  blocks.clear();
  expect_exact();
}

}  // namespace
}  // namespace talc
