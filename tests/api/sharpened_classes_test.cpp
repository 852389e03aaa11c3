// Tests of what the process heap does with a class that sharpens, which each class of a process does once.
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "api/exchanged_blocks.hpp"
#include "api/process_blocks.hpp"
#include "support/accounts.hpp"
#include "support/threads.hpp"

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

TEST_F(SharpenedClassesTest, WhatIsLentIsHandedOutAndTakenBackAsTheSlotThatItIs) {
  constexpr size_t kCoarse = 6144;
  constexpr size_t kFine = kCoarse - 200;
  const unsigned coarse = SizeClasses::class_of(kCoarse);
  std::vector<Block> kept;
  std::vector<Block> blocks;
  while (ClassMap<Pages>::class_of(kFine) == coarse) {
    kept.push_back(allocate(kCoarse, 1));
    blocks.push_back(allocate(kCoarse, 1));
  }
  for (const Block& block : blocks) {
    EXPECT_TRUE(release(block));
  }
  blocks.clear();
  process_heap().trim(0);
  const unsigned fine = ClassMap<Pages>::class_of(kFine);
  const Accounts before = take_accounts(process_heap());
  const auto expect_counted = [&](size_t allocations, size_t frees) {
    const Accounts now = take_accounts(process_heap());
    expect_accounts<Pages>(now);
    const ClassStats& old = before.detail->classes[coarse];
    EXPECT_EQ(now.detail->classes[coarse].allocations - old.allocations, allocations);
    EXPECT_EQ(now.detail->classes[coarse].frees - old.frees, frees);
    EXPECT_EQ(now.detail->classes[fine].allocations, before.detail->classes[fine].allocations);
  };
  for (int i = 0; i < 20; ++i) {
    blocks.push_back(allocate(kFine, 2));
    EXPECT_EQ(process_heap().usable_size(blocks.back().bytes), kCoarse);
    expect_counted(blocks.size(), 0);
  }
  {
    const ThreadCache::Changing without_cache(CurrentCache<Pages>::get());
    blocks.push_back(allocate(kFine, 2));
  }
  expect_counted(21, 0);
  EXPECT_GT(stats().cached, 0U);  // some that were lent and not handed out
  process_heap().trim(0);
  expect_counted(21, 0);
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(release(blocks.back()));
    blocks.pop_back();
  }
  expect_counted(21, 5);
  blocks.push_back(allocate(kFine, 2));
  run_threads(1, [&](unsigned) {
    for (const Block& block : blocks) {
      EXPECT_TRUE(release(block));
    }
  });
  expect_counted(22, 22);
  for (const Block& block : kept) {
    EXPECT_TRUE(release(block));
  }
  process_heap().trim(0);
  expect_counted(22, 22 + kept.size());
}

// The last test: no class is coarse afterwards, so that all 160 serve.
TEST_F(SharpenedClassesTest, ThreadsReleaseOneAnothersBlocksOfTheFineOnes) {
  for (unsigned i = 0; i < SizeClasses::kCount; ++i) {
    ClassMap<Pages>::sharpen(i);
  }
  ASSERT_EQ(ClassMap<Pages>::class_of(SizeClasses::size_of(SizeClasses::kCount - 2)),
            SizeClasses::class_of(SizeClasses::size_of(SizeClasses::kCount - 2)));
  const auto blocks = std::make_unique<ExchangedBlocks>();
  blocks->run();
  blocks->expect_whole();
  blocks->expect_each_class_was_posted();
}

}  // namespace
}  // namespace talc
