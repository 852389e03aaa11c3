// Tests of hard/hardened_heap.hpp: blocks keep what they hold, and nothing stays of them.
// tests/interpose/misuse/ has what it refuses.
#include "talc/hard/hardened_heap.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <thread>
#include <vector>

#include "support/accounts.hpp"
#include "support/proc_maps.hpp"
#include "support/sanitizers.hpp"
#include "support/threads.hpp"

namespace talc {
namespace {

constexpr size_t kMiB = size_t{1} << 20;

constinit HardenedHeap the_heap;

class HardenedHeapTest : public testing::Test {
 protected:
  static ProcessStats stats() {
    ProcessStats stats;
    the_heap.get_stats(stats);
    return stats;
  }
  static char* allocate(size_t size, size_t align = 16) {
    return static_cast<char*>(the_heap.allocate(size, align));
  }
};

TEST_F(HardenedHeapTest, ABlockHasWhatWasAskedForAndNotAByteMore) {
  for (const size_t size : {size_t{0}, size_t{1}, size_t{24}, size_t{4000}, 3 * kMiB, 9 * kMiB}) {
    for (size_t align = 16; align <= 8192; align *= 8) {
      char* const block = allocate(size, align);
      EXPECT_TRUE(is_aligned(block, align));
      EXPECT_EQ(the_heap.usable_size(block), size);
      memset(block, 0x5A, size);
      the_heap.release(block);
    }
  }
}

TEST_F(HardenedHeapTest, ReallocationKeepsContentsAtEverySize) {
  std::mt19937 random(7);
  size_t size = 100;
  char* block = allocate(size);
  memset(block, 0x5A, size);
  for (int i = 0; i < 400; ++i) {
    const size_t wanted = size_t{1} << random() % 24 | random() % 5000;
    block = static_cast<char*>(the_heap.reallocate(block, wanted));
    ASSERT_EQ(the_heap.usable_size(block), wanted);
    const size_t kept = std::min(size, wanted);
    ASSERT_TRUE(std::all_of(block, block + kept, [](char c) { return c == 0x5A; })) << wanted;
    memset(block, 0x5A, wanted);
    size = wanted;
  }
  the_heap.release(block);
}

// Where there is no room for a second block, the first one stays, and is sealed anew.
TEST_F(HardenedHeapTest, ShrinkingNeverFails) {
  settings.heap_limit = HardenedHeap::mapped_bytes() + 16 * kMiB;
  char* const block = allocate(3 * kMiB);
  memset(block, 0x5A, 3 * kMiB);
  std::vector<char*> others;
  while (char* const other = allocate(kMiB)) {
    others.push_back(other);
  }
  EXPECT_EQ(the_heap.reallocate(block, kMiB), block);
  EXPECT_EQ(the_heap.usable_size(block), kMiB);
  EXPECT_TRUE(std::all_of(block, block + kMiB, [](char c) { return c == 0x5A; }));
  EXPECT_EQ(the_heap.reallocate(block, 9 * kMiB), nullptr);
  settings.heap_limit = Settings::kUnlimited;
  the_heap.release(block);
  for (char* const other : others) {
    the_heap.release(other);
  }
}

TEST_F(HardenedHeapTest, WhatIsFreedIsCleared) {
  for (const size_t size : {size_t{100}, size_t{5000}, size_t{100000}}) {
    char* const block = allocate(size);
    memset(block, 0x5A, size);
    the_heap.release(block);
    EXPECT_TRUE(std::all_of(block + 64, block + size, [](char c) { return c == 0; })) << size;
  }
}

TEST_F(HardenedHeapTest, ABlockDoesNotComeBackAtOnce) {
  char* const block = allocate(100);
  the_heap.release(block);
  for (int i = 0; i < 100; ++i) {
    char* const other = allocate(100);
    EXPECT_NE(other, block);
    the_heap.release(other);
  }
}

// A few blocks in quarantine keep many slabs from serving another size.
TEST_F(HardenedHeapTest, WhatIsInQuarantineIsGivenUpBeforeMemoryIsOut) {
  the_heap.trim(0);
  settings.heap_limit = HardenedHeap::mapped_bytes() + 32 * kMiB;
  const auto fill = [](size_t size) {
    std::vector<char*> blocks;
    while (char* const block = allocate(size)) {
      blocks.push_back(block);
    }
    for (char* const block : blocks) {
      the_heap.release(block);
    }
    return blocks.size() * size;
  };
  EXPECT_GE(fill(8000), 24 * kMiB);
  EXPECT_GE(fill(kMiB), 25 * kMiB);
  settings.heap_limit = Settings::kUnlimited;
}

TEST_F(HardenedHeapTest, ARequestThatNothingCanServeLeavesTheQuarantine) {
  the_heap.release(allocate(100));
  const size_t cached = stats().cached;
  settings.heap_limit = HardenedHeap::mapped_bytes();
  EXPECT_EQ(allocate(settings.heap_limit + 1), nullptr);
  settings.heap_limit = Settings::kUnlimited;
  EXPECT_EQ(stats().cached, cached);
}

TEST_F(HardenedHeapTest, NeighboursInTimeAreNoNeighboursInMemory) {
  std::vector<char*> blocks;
  for (int i = 0; i < 200; ++i) {
    blocks.push_back(allocate(100));
  }
  int ascending = 0;
  for (size_t i = 1; i < blocks.size(); ++i) {
    ascending += blocks[i] > blocks[i - 1];
  }
  EXPECT_GT(ascending, 40);
  EXPECT_LT(ascending, 160);
  for (char* const block : blocks) {
    the_heap.release(block);
  }
}

TEST_F(HardenedHeapTest, TheStatisticsAreExact) {
  the_heap.trim(0);
  const ProcessStats before = stats();
  std::vector<char*> blocks;
  for (size_t i = 0; i < 3000; ++i) {
    blocks.push_back(allocate(i * 7));
  }
  for (size_t i = 0; i < blocks.size(); i += 2) {
    the_heap.release(blocks[i]);
  }
  const ProcessStats half = stats();
  EXPECT_EQ(half.allocations - before.allocations, 3000U);
  EXPECT_EQ(half.frees - before.frees, 1500U);
  EXPECT_GT(half.cached, before.cached);
  EXPECT_EQ(half.mapped, half.active + half.metadata + half.retained);
  for (size_t i = 1; i < blocks.size(); i += 2) {
    the_heap.release(blocks[i]);
  }
  the_heap.trim(0);
  EXPECT_EQ(stats().allocated, before.allocated);
}

TEST_F(HardenedHeapTest, ThreadsReleaseOneAnothersBlocks) {
  constexpr size_t kThreads = 4;
  constexpr size_t kBlocks = 4000;
  static std::atomic<char*> boxes[kBlocks];
  run_threads(kThreads, [](unsigned me) {
    std::mt19937 random(me);
    for (int i = 0; i < 20000; ++i) {
      const size_t size = 8 + random() % (i % 50 == 0 ? 30000 : 600);
      char* const block = allocate(size);
      memset(block, static_cast<int>(size), size);
      if (char* const old = boxes[random() % kBlocks].exchange(block)) {
        const size_t old_size = the_heap.usable_size(old);
        EXPECT_EQ(old[0], static_cast<char>(old_size));
        EXPECT_EQ(old[old_size - 1], static_cast<char>(old_size));
        the_heap.release(old);
      }
    }
  });
  for (std::atomic<char*>& box : boxes) {
    if (char* const block = box.exchange(nullptr)) {
      the_heap.release(block);
    }
  }
}

// Where nothing that runs over the end of a block gets to: a heap's addresses end long before.
TEST_F(HardenedHeapTest, MetadataIsFarFromAnyBlock) {
  if (kUnderTsan) {
    GTEST_SKIP() << "ThreadSanitizer decides where heaps may be";
  }
  char* const small = allocate(100);
  char* const middle = allocate(100000);
  const char* const metadata = static_cast<char*>(PageMap<HardenedPages>::get_slab(small));
  for (const char* const block : {small, middle}) {
    const auto distance = metadata < block ? block - metadata : metadata - block;
    EXPECT_GT(static_cast<size_t>(distance), 64 * kMiB);
  }
  the_heap.release(small);
  the_heap.release(middle);
}

TEST_F(HardenedHeapTest, GuardsEndGroupsAndGoWithThem) {
  the_heap.release(allocate(1000));  // there is an arena, and what it needs
  the_heap.trim(0);
  const size_t heaps = stats().heaps;
  const size_t mappings = count_mappings();
  std::vector<char*> blocks;
  for (int i = 0; i < 40000; ++i) {
    blocks.push_back(allocate(1000));
  }
  char* const highest = *std::max_element(blocks.begin(), blocks.end());
  EXPECT_DEATH(memset(highest, 0x5A, 8 * kMiB), "");
  EXPECT_GE(count_mappings(), mappings + 12);  // groups are 4 MiB at most, and a guard parts two
  for (char* const block : blocks) {
    the_heap.release(block);
  }
  the_heap.trim(0);
  EXPECT_LE(stats().heaps, heaps + 2);  // one for blocks, one for what is known of them
  if (!kUnderSanitizer) {               // they map, too
    EXPECT_LE(count_mappings(), mappings + 4);
  }
  the_heap.release(allocate(3 * kMiB));  // the memory is whole again
}

// For a process may have 65530 mappings.
TEST_F(HardenedHeapTest, GuardsAreBounded) {
  constexpr size_t kCount = HardenedPages::kMaxGuards + 100;
  const size_t page = Pages::page_size();
  char* const base = Pages::map(nullptr, 2 * kCount * page);
  ASSERT_NE(base, nullptr);
  std::vector<Span> guards;
  for (size_t i = 0; i < kCount; ++i) {
    const Span guard = Span::from_base_size(base + 2 * i * page, page);
    if (HardenedPages::try_guard(guard)) {
      guards.push_back(guard);
    }
  }
  EXPECT_LE(guards.size(), HardenedPages::kMaxGuards);
  EXPECT_GE(guards.size(), HardenedPages::kMaxGuards - 100);  // groups have some
  for (const Span guard : guards) {
    EXPECT_TRUE(HardenedPages::try_unguard(guard));
  }
  Pages::unmap(Span::from_base_size(base, 2 * kCount * page));
}

TEST_F(HardenedHeapTest, EveryByteIsAccountedForWhileThreadsHoldSomeOfEverything) {
  live_through_a_mixed_workload(the_heap, [&](size_t) {
    const Accounts accounts = take_accounts(the_heap);
    expect_accounts<HardenedPages>(accounts);
    EXPECT_NE(accounts.stats->cached, 0U);
    EXPECT_NE(accounts.stats->slab_free, 0U);
  });
  the_heap.trim(0);
  expect_accounts<HardenedPages>(take_accounts(the_heap));
}

}  // namespace
}  // namespace talc
