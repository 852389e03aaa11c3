// Tests of api/process_heap.hpp under limits of the kernel and of its own: refusals are null, soon
// over, and most of what the limit allows can be used.
#include <gtest/gtest.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <tuple>
#include <vector>

#include "support/process.hpp"
#include "support/sanitizers.hpp"

namespace talc {
namespace {

constexpr size_t kMiB = size_t{1} << 20;
constexpr size_t kLimit = 200000 * size_t{1024};

// Bytes of addresses that this process has mapped.
size_t mapped_bytes() {
  FILE* const file = fopen("/proc/self/statm", "r");
  size_t pages = 0;
  const int got = fscanf(file, "%zu", &pages);
  fclose(file);
  return got == 1 ? pages * Pages::page_size() : 0;
}

enum class Of { kernel, heap };

// Runs `body` in a child that may map kLimit bytes more than it has; its result is the exit status.
template <class Body>
int status_under_limit(Of of, Body body) {
  process_heap().trim(0);
  const size_t limit_bytes = mapped_bytes() + kLimit;
  const pid_t child = fork();
  if (child == 0) {
    if (of == Of::kernel) {
      const rlimit limit{limit_bytes, limit_bytes};
      setrlimit(RLIMIT_AS, &limit);
    } else {
      settings.heap_limit = Footprint<Pages>::mapped_bytes() + kLimit;
    }
    const int status = body();
    _exit(Footprint<Pages>::peak_bytes() <= settings.heap_limit ? status : 99);
  }
  int status = -1;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + status;
}

class ProcessHeapLimitsTest : public testing::TestWithParam<std::tuple<size_t, Of>> {
 protected:
  static size_t size() { return std::get<0>(GetParam()); }
  static Of of() { return std::get<1>(GetParam()); }

  void SetUp() override {
    if (kUnderSanitizer) {
      GTEST_SKIP() << "sanitizers need more addresses than any limit leaves";
    }
  }
};

// Links blocks into a list, in themselves, until there are no more.
struct Block {
  Block* next;
};

size_t fill(size_t size, Block*& blocks) {
  size_t count = 0;
  while (auto* const block = static_cast<Block*>(process_heap().allocate(size, 16))) {
    block->next = blocks;
    blocks = block;
    count += 1;
  }
  return count;
}

void release_all(Block*& blocks) {
  while (blocks != nullptr) {
    Block* const next = blocks->next;
    process_heap().release(blocks);
    blocks = next;
  }
}

// What a block costs: rounding, and for middle blocks prefix and tag.
size_t cost_of(size_t size) {
  if (size <= SizeClasses::kMaxSize) {
    return SizeClasses::size_of(SizeClasses::class_of(size));
  }
  return size < 4 * kMiB ? BlockPrefix::usable_for(size) + 16 : size;
}

TEST_P(ProcessHeapLimitsTest, FourFifthsOfTheLimitCanBeUsed) {
  const size_t size = ProcessHeapLimitsTest::size();
  const int percent = status_under_limit(of(), [size] {
    Block* blocks = nullptr;
    const size_t count = fill(size, blocks);
    return static_cast<int>(uint64_t{count} * cost_of(size) * 100 / kLimit);
  });
  const bool is_coarse = size > kLimit / 10;
  EXPECT_GE(percent, is_coarse ? 60 : 80);
  EXPECT_LE(percent, 105);  // what the heap had mapped before
}

TEST_P(ProcessHeapLimitsTest, WhatWasGivenBackCanBeHadAgainInAnySize) {
  const size_t size = ProcessHeapLimitsTest::size();
  const int status = status_under_limit(of(), [size] {
    for (const size_t other : {size, size_t{64}, 60 * kMiB, size_t{100000}, size}) {
      Block* blocks = nullptr;
      const size_t count = fill(other, blocks);
      release_all(blocks);
      if (count * cost_of(other) < kLimit * 6 / 10) {
        return 1;
      }
    }
    return 0;
  });
  EXPECT_EQ(status, 0);
}

TEST_P(ProcessHeapLimitsTest, ARefusedReallocLeavesTheBlock) {
  const size_t size = ProcessHeapLimitsTest::size();
  const int status = status_under_limit(of(), [size] {
    char* const block = static_cast<char*>(process_heap().allocate(size, 16));
    block[size - 1] = 'x';
    if (process_heap().reallocate(block, 2 * kLimit) != nullptr || block[size - 1] != 'x') {
      return 1;
    }
    process_heap().release(block);
    return 0;
  });
  EXPECT_EQ(status, 0);
}

INSTANTIATE_TEST_SUITE_P(Sizes, ProcessHeapLimitsTest,
                         testing::Combine(testing::Values(size_t{64}, size_t{1000}, size_t{100000},
                                                          3 * kMiB, 5 * kMiB, 60 * kMiB),
                                          testing::Values(Of::kernel, Of::heap)));

class ProcessHeapLimitTest : public testing::TestWithParam<Of> {};

INSTANTIATE_TEST_SUITE_P(Limits, ProcessHeapLimitTest, testing::Values(Of::kernel, Of::heap));

TEST_P(ProcessHeapLimitTest, AHugeBlockGrowsBecauseItIsMoved) {
  const int status = status_under_limit(GetParam(), [] {
    char* block = static_cast<char*>(process_heap().allocate(100 * kMiB, 16));
    // Something right above and below it, so that it can't grow in place.
    void* const wall = process_heap().allocate(5 * kMiB, 16);
    for (size_t size = 100 * kMiB; size <= 150 * kMiB; size += 10 * kMiB) {
      block = static_cast<char*>(process_heap().reallocate(block, size));
      if (block == nullptr) {
        return 1;
      }
    }
    process_heap().release(wall);
    process_heap().release(block);
    return 0;
  });
  EXPECT_EQ(status, 0);
}

// What is kept for the next request counts, and goes when it is in the way.
TEST_P(ProcessHeapLimitTest, AHugeBlockGrowsIntoWhatOnlyWasKept) {
  const int status = status_under_limit(GetParam(), [] {
    char* const block = static_cast<char*>(process_heap().allocate(100 * kMiB, 16));
    void* const other = process_heap().allocate(60 * kMiB, 16);
    void* const kept = process_heap().allocate(15 * kMiB, 16);
    if (block == nullptr || other == nullptr || kept == nullptr) {
      return 1;
    }
    process_heap().release(kept);
    block[0] = 'x';
    char* const grown = static_cast<char*>(process_heap().reallocate(block, 125 * kMiB));
    return grown != nullptr && grown[0] == 'x' ? 0 : 2;
  });
  EXPECT_EQ(status, 0);
}

// One small block on top of a heap keeps its addresses, but not the right to memory: that goes to a huge
// block, and comes back.
TEST_F(ProcessHeapLimitsTest, WhatIsPurgedBelowALiveBlockServesAHugeOneAndServesAgain) {
  const int status = status_under_limit(Of::heap, [] {
    for (int round = 0; round < 3; ++round) {
      Block* blocks = nullptr;
      const size_t count = fill(200000, blocks);
      if (count * cost_of(200000) < kLimit * 8 / 10) {
        return 1;
      }
      Block* const last = blocks;  // the highest
      blocks = blocks->next;
      release_all(blocks);
      char* const huge = static_cast<char*>(process_heap().allocate(kLimit / 10 * 8, 16));
      if (huge == nullptr) {
        return 2;
      }
      memset(huge, 1, kLimit / 10 * 8);
      if (Footprint<Pages>::mapped_bytes() > settings.heap_limit) {
        return 3;
      }
      ProcessStats stats;
      process_heap().get_stats(stats);
      if (stats.mapped != stats.active + stats.metadata + stats.retained ||
          stats.mapped - stats.purged > settings.heap_limit) {
        return 4;
      }
      const size_t beside = fill(200000, blocks) * cost_of(200000);
      if (beside < kLimit / 10 || beside > kLimit / 10 * 3) {
        return 5;
      }
      release_all(blocks);
      process_heap().release(huge);
      process_heap().release(last);
      process_heap().trim(0);
      if (Footprint<Pages>::mapped_bytes() > 20 * kMiB) {
        return 6;
      }
    }
    return 0;
  });
  EXPECT_EQ(status, 0);
}

TEST_F(ProcessHeapLimitsTest, EightThreadsAtTheLimitUseItAllAndNeverMore) {
  const int status = status_under_limit(Of::heap, [] {
    std::atomic<size_t> bytes = 0;
    std::atomic<bool> is_over = false;
    std::atomic<size_t> most = 0;  // when what there was before had been used and freed
    std::vector<std::thread> threads;
    for (unsigned index = 0; index < 8; ++index) {
      threads.emplace_back([&, index] {
        const size_t sizes[] = {64, 5000, 40000, 700000, 5 * kMiB, 200, 100000, 9 * kMiB};
        for (int round = 0; round < 4; ++round) {
          Block* blocks = nullptr;
          const size_t size = sizes[(index + static_cast<unsigned>(round)) % 8];
          while (void* const block = process_heap().allocate(size, 16)) {
            static_cast<Block*>(block)->next = blocks;
            blocks = static_cast<Block*>(block);
            const size_t now = bytes += size;
            for (size_t seen = most; round >= 2 && now > seen;) {
              most.compare_exchange_weak(seen, now);
            }
            if (Footprint<Pages>::mapped_bytes() > settings.heap_limit) {
              is_over = true;
            }
          }
          while (round != 3 && blocks != nullptr) {
            Block* const next = blocks->next;
            process_heap().release(blocks);
            bytes -= size;
            blocks = next;
          }
        }
      });
    }
    for (std::thread& thread : threads) {
      thread.join();
    }
    return is_over ? 98 : most >= kLimit / 10 * 8 ? 0 : 1;
  });
  EXPECT_EQ(status, 0);
}

// With as many mappings as the kernel allows, munmap itself may fail, where it would split one.
TEST_F(ProcessHeapLimitsTest, NoMoreMappingsIsNoMisfortune) {
  process_heap();
  const pid_t child = fork();
  if (child == 0) {
    void* const huge = process_heap().allocate(20 * kMiB, 16);
    process_heap().release(
        process_heap().allocate(1, 16));  // a heap, which can grow without a mapping
    const size_t page = Pages::page_size();
    // Neighbours of different protection can't be merged into one mapping.
    while (mmap(nullptr, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED &&
           mmap(nullptr, page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED) {
    }
    Block* blocks = nullptr;
    for (int i = 0; i < 100; ++i) {
      auto* const block = static_cast<Block*>(process_heap().allocate(200000, 16));
      if (block == nullptr) {
        _exit(1);
      }
      block->next = blocks;
      blocks = block;
    }
    release_all(blocks);
    process_heap().trim(0);
    void* const more = process_heap().allocate(5 * kMiB, 16);  // may well be null
    void* const bigger = process_heap().reallocate(huge, 30 * kMiB);
    process_heap().release(bigger != nullptr ? bigger : huge);
    if (more != nullptr) {
      process_heap().release(more);
    }
    ProcessStats stats;
    process_heap().get_stats(stats);
    _exit(stats.mapped == stats.active + stats.metadata + stats.retained ? 0 : 2);
  }
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace talc
