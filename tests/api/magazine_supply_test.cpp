// Tests of api/magazine_supply.hpp: magazines grow with use, and together stay within a budget.
#include "talc/api/magazine_supply.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <latch>
#include <thread>
#include <vector>

#include "api/process_blocks.hpp"
#include "support/sanitizers.hpp"
#include "support/threads.hpp"

namespace talc {
namespace {

using MagazineSupplyTest = ProcessBlocksTest;

TEST_F(MagazineSupplyTest, CachesHoldWhatIsFreedAndSayHowMuch) {
  std::vector<Block> blocks;
  for (int i = 0; i < 1000; ++i) {
    blocks.push_back(allocate(100, 7));
  }
  const ProcessStats full = stats();
  for (const Block& block : blocks) {
    EXPECT_TRUE(release(block));
  }
  const ProcessStats freed = stats();
  EXPECT_EQ(freed.frees - full.frees, 1000U);
  EXPECT_GT(freed.cached, full.cached);
  EXPECT_LE(freed.cached, 2 * ThreadCache::kMaxArrayBytes * SizeClasses::kCount);
  process_heap().trim(0);
  EXPECT_EQ(stats().cached, 0U);
}

// What lies in a magazine keeps its page: between two passes of the purger the thread must have used it.
TEST_F(MagazineSupplyTest, MagazinesThatAreIdleFromPassToPassAreEmptied) {
  const auto pass_and_visit = [] {
    PurgeNotice<Pages>::begin_pass();
    process_heap().release(process_heap().allocate(48, 16));
    std::vector<void*> blocks;
    for (int i = 0; i < 2000; ++i) {  // more than magazines hold
      blocks.push_back(process_heap().allocate(64, 16));
    }
    for (void* const block : blocks) {
      process_heap().release(block);
    }
  };
  const auto cached_of = [](size_t size) {
    const ThreadCache& cache = CurrentCache<Pages>::get();
    return cache.cached(ClassMap<Pages>::class_of(size));
  };
  process_heap().release(process_heap().allocate(6000, 16));
  const size_t idle = cached_of(6000);
  ASSERT_GE(idle, 1U);
  pass_and_visit();
  EXPECT_EQ(cached_of(6000), idle);
  pass_and_visit();
  EXPECT_EQ(cached_of(6000), 0U);
  EXPECT_GE(cached_of(48), 1U);
  EXPECT_GE(cached_of(64), 1U);
}

// A process-wide limit: what is kept per thread, be it ever so little, is part of it.
TEST_F(MagazineSupplyTest, CachesOfManyThreadsStayWithinTheBudget) {
  constexpr unsigned kThreads = kUnderSanitizer   ? 20
                                : kWordBits == 64 ? 1000
                                                  : 200;  // stacks, too, take addresses
  constexpr size_t kProcessBudget = 64 * kMiB;
  constexpr unsigned kPosted = 32;
  std::latch full(kThreads);
  std::latch may_end(1);
  ProcessStats then;
  std::thread observer([&] {
    full.wait();
    then = stats();
    may_end.count_down();
  });
  // Of another thread, so that most threads post them.
  std::vector<std::atomic<void*>> others(kThreads * kPosted);
  for (std::atomic<void*>& block : others) {
    block = process_heap().allocate(1000, kWordSize);
  }
  run_threads(kThreads, [&](unsigned thread) {
    for (unsigned size_class = 0; size_class < SizeClasses::kCount; ++size_class) {
      void* blocks[40];
      for (void*& block : blocks) {
        block = process_heap().allocate(SizeClasses::size_of(size_class), kWordSize);
      }
      for (void* const block : blocks) {
        process_heap().release(block);
      }
    }
    for (size_t size = HotBlocks::kMinSize; size < HotBlocks::kMaxSize; size += size / 4) {
      process_heap().release(process_heap().allocate(size, kWordSize));
    }
    for (unsigned i = 0; i < kPosted; ++i) {
      process_heap().release(others[thread * kPosted + i]);
    }
    full.count_down();
    may_end.wait();
  });
  observer.join();
  EXPECT_GT(then.cached, kMiB);
  EXPECT_GT(then.hot_bytes, 0U);
  EXPECT_GT(then.in_transit, 0U);
  EXPECT_LE(then.cached + then.in_transit, kProcessBudget);
}

TEST_F(MagazineSupplyTest, ALateThreadGetsMagazinesHoweverMuchOthersHold) {
  std::atomic<bool> may_end{false};
  std::atomic<unsigned> ready{0};
  std::vector<std::thread> idle;
  for (unsigned i = 0; i < (kUnderSanitizer ? 10U : 60U); ++i) {
    idle.emplace_back([&] {
      for (unsigned size_class = 0; size_class < SizeClasses::kCount; ++size_class) {
        std::vector<Block> blocks;
        for (int k = 0; k < 200; ++k) {
          blocks.push_back(allocate(SizeClasses::size_of(size_class), 1));
        }
        for (const Block& block : blocks) {
          process_heap().release(block.bytes);
        }
      }
      ready += 1;
      while (!may_end) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
    });
  }
  while (ready < idle.size()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  std::thread([&] {
    process_heap().release(allocate(48, 1).bytes);
    EXPECT_GT(CurrentCache<Pages>::get().supply(SizeClasses::class_of(48)).capacity, 0U);
  }).join();
  may_end = true;
  for (std::thread& thread : idle) {
    thread.join();
  }
}

// Threads that have arrays for every class at once, each of which ends then.
void run_threads_with_all_arrays(unsigned count) {
  std::latch ready(count);
  run_threads(count, [&](unsigned) {
    for (unsigned size_class = 0; size_class < SizeClasses::kCount; ++size_class) {
      process_heap().release(process_heap().allocate(SizeClasses::size_of(size_class), kWordSize));
    }
    ready.arrive_and_wait();
  });
}
// What a thread that begins has of arrays for `size`, and is granted when it uses many.
struct Capacities {
  unsigned first = 0;
  unsigned most = 0;
};
Capacities capacities_of_next_thread(size_t size) {
  Capacities found;
  std::thread([&] {
    process_heap().release(process_heap().allocate(16, kWordSize));  // now it has a cache
    const unsigned size_class = ClassMap<Pages>::class_of(size);
    const ThreadCache& cache = CurrentCache<Pages>::get();
    found.first = cache.supply(size_class).capacity;
    EXPECT_EQ(cache.cached(size_class), 0U);
    for (unsigned round = 0; round < 20; ++round) {
      std::vector<void*> blocks;
      for (unsigned i = 0; i < 4 * ThreadCache::max_capacity(size_class); ++i) {
        blocks.push_back(process_heap().allocate(size, kWordSize));
      }
      for (void* const block : blocks) {
        process_heap().release(block);
      }
      found.most = std::max(found.most, unsigned{cache.supply(size_class).capacity});
    }
  }).join();
  return found;
}

TEST_F(MagazineSupplyTest, SmallArraysWaitForTheNextThreadAndAreNoPartOfTheBudget) {
  constexpr size_t kSize = 5120;
  const unsigned size_class = ClassMap<Pages>::class_of(kSize);
  // With 2.5 MiB each they have so much together that one more would get half of what it wants.
  run_threads_with_all_arrays(8);
  const Capacities next = capacities_of_next_thread(kSize);
  EXPECT_EQ(next.first, ThreadCache::first_capacity(size_class));
  EXPECT_EQ(next.most, ThreadCache::max_capacity(size_class));
}

TEST_F(MagazineSupplyTest, TrimmingGivesBackArraysThatWait) {
  constexpr size_t kSize = 5120;
  run_threads_with_all_arrays(4);
  const ProcessStats parked = stats();
  process_heap().trim(0);
  EXPECT_LT(stats().metadata, parked.metadata);
  // They were nobody's: had they been taken out of the budget twice, it would seem to be spent.
  const Capacities next = capacities_of_next_thread(kSize);
  EXPECT_EQ(next.first, 0U);
  EXPECT_EQ(next.most, ThreadCache::max_capacity(ClassMap<Pages>::class_of(kSize)));
}

// The spare arrays are for what comes back.
TEST_F(MagazineSupplyTest, AThreadThatOnlyAllocatesHasOneArrayOfEachClassAtMost) {
  constexpr size_t kEach = kUnderSanitizer ? size_t{64} << 10 : kMiB / 2;
  std::vector<Block> blocks;
  size_t allowed = 0;
  std::thread([&] {
    for (unsigned i = 0; i < SizeClasses::kCount; i = SizeClasses::coarse_of(i) + 1) {
      const size_t size = SizeClasses::size_of(SizeClasses::coarse_of(i));
      for (size_t allocated = 0; allocated < kEach; allocated += size) {
        blocks.push_back(allocate(size, 9));
      }
      allowed += size * ThreadCache::max_capacity(SizeClasses::coarse_of(i));
      const size_t cached = stats().cached;
      EXPECT_LE(cached, allowed) << size;
    }
  }).join();
  for (const Block& block : blocks) {
    EXPECT_TRUE(release(block));
  }
}

// Nobody else could empty them, should it fall asleep.
TEST_F(MagazineSupplyTest, AThreadThatOnlyFreesKeepsLittle) {
  std::vector<Block> blocks;
  for (int i = 0; i < 60000; ++i) {
    blocks.push_back(allocate(static_cast<size_t>(16 + i % 50 * 20), 7));
  }
  const size_t before = stats().cached;
  for (const Block& block : blocks) {
    EXPECT_TRUE(release(block));
  }
  EXPECT_LE(stats().cached, before + kMiB / 2);
  // And has large ones again once it allocates.
  for (int round = 0; round < 20; ++round) {
    blocks.clear();
    for (int i = 0; i < 500; ++i) {
      blocks.push_back(allocate(64, 7));
    }
    for (const Block& block : blocks) {
      EXPECT_TRUE(release(block));
    }
  }
  EXPECT_GE(stats().cached, 400U * 64);
  process_heap().trim(0);
}

}  // namespace
}  // namespace talc
