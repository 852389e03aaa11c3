// Tests of api/heap_statistics.hpp and api/heap_walk.hpp: every byte is accounted for, by each of
// them alone.
#include "talc/api/heap_statistics.hpp"

#include <gtest/gtest.h>
#include <string.h>

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

#include "api/process_blocks.hpp"
#include "support/accounts.hpp"
#include "support/threads.hpp"

namespace talc {
namespace {

class HeapStatisticsTest : public ProcessBlocksTest {};

TEST_F(HeapStatisticsTest, EveryByteIsAccountedForWhileThreadsHoldSomeOfEverything) {
  const size_t live_before = stats().allocated;
  live_through_a_mixed_workload(process_heap(), [&](size_t in_hand) {
    process_heap().release(process_heap().allocate(9 * kMiB, 16));  // to be kept
    const Accounts accounts = take_accounts(process_heap());
    expect_accounts<Pages>(accounts);
    const ProcessStats& now = *accounts.stats;
    EXPECT_EQ(now.allocated, live_before + in_hand);
    for (const size_t term : {now.cached, now.in_transit, now.slab_free, now.gaps, now.kept,
                              now.middle_bytes, now.purged, now.dirty}) {
      EXPECT_NE(term, 0U);
    }
  });
  process_heap().trim(0);
  expect_accounts<Pages>(take_accounts(process_heap()));
}

// A thread that only allocates has the whole of it: what its refills have populated, less what it took since.
TEST_F(HeapStatisticsTest, WhatIsPopulatedAheadOfUseIsCounted) {
  constexpr size_t kSize = 4096;
  std::thread([] {
    ProcessStats last = stats();
    std::vector<Block> blocks;
    size_t refills = 0;
    for (int i = 0; i < 4000; ++i) {
      blocks.push_back(allocate(kSize, 1));
      const ProcessStats now = stats();
      if (now.populated_ever != last.populated_ever) {
        refills += 1;
        EXPECT_GE(now.populated_ever - last.populated_ever, SmallBlocks<Pages>::kMinPopulate);
        EXPECT_GE(now.populated, now.populated_ever - last.populated_ever - kSize);
      } else {
        EXPECT_LE(now.populated, last.populated);
        EXPECT_LE(last.populated, now.populated + kSize);
      }
      EXPECT_LE(now.populated, smaller(now.cached, ThreadCache::kMaxArrayBytes));
      last = now;
    }
    EXPECT_TRUE(refills > 10 || last.populated_ever == 0)
        << refills;  // of what older kernels cannot do there is none
    for (const Block& block : blocks) {
      EXPECT_TRUE(release(block));
    }
  }).join();
  process_heap().trim(0);
  EXPECT_EQ(stats().populated, 0U);
}

TEST_F(HeapStatisticsTest, ClassesCountTheirSlots) {
  std::vector<Block> blocks;
  const Accounts before = take_accounts(process_heap());
  for (int i = 0; i < 1000; ++i) {
    blocks.push_back(allocate(48, 1));
  }
  const Accounts during = take_accounts(process_heap());
  const unsigned size_class = SizeClasses::class_of(48);
  const ClassStats& old_ones = before.detail->classes[size_class];
  const ClassStats& now = during.detail->classes[size_class];
  EXPECT_EQ(now.live - old_ones.live, 1000U);
  EXPECT_EQ(now.allocations - old_ones.allocations, 1000U);
  EXPECT_GE(now.slots, now.live + now.cached);
  EXPECT_GE(now.slabs, 1U);
  for (const Block& block : blocks) {
    release(block);
  }
  const Accounts after = take_accounts(process_heap());
  expect_accounts<Pages>(after);
  EXPECT_EQ(after.detail->classes[size_class].live, old_ones.live);
  EXPECT_EQ(after.detail->classes[size_class].allocations, now.allocations);
  EXPECT_EQ(after.detail->classes[size_class].frees - old_ones.frees, 1000U);
}

// What threads hold is none the less counted, and what they return unused is no block taken back.
TEST_F(HeapStatisticsTest, ClassesCountWhatThreadsWithACacheAndWithoutOneDo) {
  constexpr size_t kSize = 208;
  constexpr unsigned kBlocks = 60;
  const unsigned size_class = ClassMap<Pages>::class_of(kSize);
  std::vector<Block> blocks(kBlocks, Block{});
  const auto allocate_all = [&] {
    for (Block& block : blocks) {
      block = allocate(kSize, 1);
    }
  };
  const auto release_all = [&] {
    for (const Block& block : blocks) {
      EXPECT_TRUE(release(block));
    }
  };
  const auto without_cache = [](const auto& work) {
    const ThreadCache::Changing changing(CurrentCache<Pages>::get());
    work();
  };
  EXPECT_TRUE(release(allocate(kSize, 1)));  // for a cache
  const Accounts before = take_accounts(process_heap());
  size_t count = 0;
  const auto expect_counted = [&](size_t live) {
    const Accounts now = take_accounts(process_heap());
    expect_accounts<Pages>(now);
    const ClassStats& of_class = now.detail->classes[size_class];
    const ClassStats& old = before.detail->classes[size_class];
    EXPECT_EQ(of_class.allocations - old.allocations, count);
    EXPECT_EQ(of_class.frees - old.frees, count - live);
    EXPECT_EQ(of_class.live - old.live, live);
  };
  const auto expect_all_ways = [&](const auto& allocating, const auto& releasing) {
    allocating();
    count += kBlocks;
    expect_counted(kBlocks);
    releasing();
    expect_counted(0);
    process_heap().trim(0);
    expect_counted(0);
  };
  const auto in_thread = [](const auto& work) { run_threads(1, [&](unsigned) { work(); }); };
  expect_all_ways([&] { without_cache(allocate_all); }, [&] { without_cache(release_all); });
  expect_all_ways([&] { without_cache(allocate_all); }, release_all);
  expect_all_ways(allocate_all, [&] { without_cache(release_all); });
  expect_all_ways([&] { in_thread(allocate_all); }, release_all);
  expect_all_ways(allocate_all, [&] { in_thread(release_all); });
  expect_all_ways([&] { in_thread(allocate_all); }, [&] { in_thread(release_all); });
}

TEST_F(HeapStatisticsTest, MiddleBlocksAreCountedApart) {
  const ProcessStats before = stats();
  const Block middle = allocate(100'000, 1);
  const ProcessStats during = stats();
  EXPECT_EQ(during.middle_blocks - before.middle_blocks, 1U);
  EXPECT_EQ(during.middle_bytes - before.middle_bytes, process_heap().usable_size(middle.bytes));
  EXPECT_EQ(during.middle_allocations - before.middle_allocations, 1U);
  EXPECT_EQ(during.middle_frees, before.middle_frees);
  release(middle);  // this thread keeps it
  const ProcessStats after = stats();
  EXPECT_EQ(after.middle_blocks, before.middle_blocks);
  EXPECT_EQ(after.middle_frees - before.middle_frees, 1U);
  EXPECT_EQ(after.hot_blocks - before.hot_blocks, 1U);
  EXPECT_EQ(after.hot_bytes - before.hot_bytes, during.middle_bytes - before.middle_bytes);
  release(allocate(100'000, 1));
  EXPECT_EQ(stats().middle_allocations - before.middle_allocations, 2U);
  EXPECT_EQ(stats().middle_frees - before.middle_frees, 2U);
}

TEST_F(HeapStatisticsTest, ThreadsAreActiveWhileTheyLive) {
  const auto active = [] {
    const Accounts accounts = take_accounts(process_heap());
    unsigned count = 0;
    for (unsigned i = 0; i < accounts.detail->thread_count; ++i) {
      count += accounts.detail->threads[i].is_active ? 1 : 0;
    }
    return count;
  };
  release(allocate(100, 1));
  const unsigned before = active();
  run_threads(1, [&](unsigned) {
    release(allocate(100, 1));
    EXPECT_EQ(active(), before + 1);
  });
  EXPECT_EQ(active(), before);
  EXPECT_GE(take_accounts(process_heap()).detail->thread_count, before + 1);
}

// The map of the heap that `place` is in; null if it is in none.
const HeapMap* find_heap(const Accounts& accounts, const void* place) {
  for (unsigned i = 0; i < accounts.detail->heap_count; ++i) {
    const HeapMap& map = accounts.detail->heaps[i];
    if (place >= map.base && place < map.base + map.bytes) {
      return &map;
    }
  }
  return nullptr;
}

HeapMap::Use use_at(const Accounts& accounts, const void* place) {
  const HeapMap* const map = find_heap(accounts, place);
  if (map == nullptr) {
    ADD_FAILURE() << "in no heap";
    return HeapMap::Use::metadata;
  }
  EXPECT_LE(map->cell_bytes * (map->cell_count - 1), map->bytes);
  EXPECT_GE(map->cell_bytes * map->cell_count, map->bytes);
  return map
      ->cells[static_cast<size_t>(static_cast<const char*>(place) - map->base) / map->cell_bytes];
}

TEST_F(HeapStatisticsTest, TheMapShowsWhatIsWhere) {
  constexpr size_t kSize = 1 * kMiB;
  std::vector<Block> blocks;
  for (int i = 0; i < 16; ++i) {
    blocks.push_back(allocate(kSize, 1));
  }
  std::sort(blocks.begin(), blocks.end(),
            [](const Block& a, const Block& b) { return a.bytes < b.bytes; });
  // One with a neighbour on either side in its heap: else its heap might go when it is freed.
  const Accounts full = take_accounts(process_heap());
  size_t at = 1;
  while (find_heap(full, blocks[at - 1].bytes) != find_heap(full, blocks[at + 1].bytes)) {
    ASSERT_LT(++at, blocks.size() - 1);
  }
  const Block freed = blocks[at];
  release(freed);
  const auto middle_of = [](const Block& block) { return block.bytes + kSize / 2; };
  using Use = HeapMap::Use;
  const Accounts before = take_accounts(process_heap());
  EXPECT_EQ(use_at(before, middle_of(blocks[at - 1])), Use::block);
  EXPECT_EQ(use_at(before, middle_of(freed)), Use::dirty);
  EXPECT_EQ(use_at(before, middle_of(blocks[at + 1])), Use::block);
  process_heap().trim(0);
  const Accounts trimmed = take_accounts(process_heap());
  EXPECT_EQ(use_at(trimmed, middle_of(freed)), Use::purged);
  EXPECT_LT(trimmed.stats->dirty, before.stats->dirty);
  blocks.erase(blocks.begin() + static_cast<std::ptrdiff_t>(at));
  for (const Block& block : blocks) {
    release(block);
  }
}

TEST_F(HeapStatisticsTest, ThePeakHasItsTime) {
  const ProcessStats before = stats();
  void* const block = process_heap().allocate(before.peak + 8 * kMiB, 16);
  ASSERT_NE(block, nullptr);
  const ProcessStats after = stats();
  EXPECT_GT(after.peak, before.peak);
  EXPECT_GE(after.peak_uptime_ms, before.peak_uptime_ms);
  EXPECT_LE(after.peak_uptime_ms, Uptime::milliseconds());
  process_heap().release(block);
  EXPECT_EQ(stats().peak_uptime_ms, after.peak_uptime_ms);
}

}  // namespace
}  // namespace talc
