// Tests of api/process_heap.hpp with threads: arenas spread them, blocks may be released by anyone,
// and nobody waits for a thread that is stopped within an arena.
#include <gtest/gtest.h>
#include <pthread.h>
#include <string.h>

#include <algorithm>
#include <atomic>
#include <random>
#include <thread>
#include <vector>

#include "api/process_heap_fixture.hpp"
#include "support/sanitizers.hpp"
#include "support/threads.hpp"

namespace talc {
namespace {

constexpr size_t kMiB = size_t{1} << 20;

using ProcessHeapThreadsTest = ProcessHeapTest;

constexpr unsigned kSteps = kUnderSanitizer ? 2000 : 100000;

TEST_F(ProcessHeapThreadsTest, WorkSideBySide) {
  run_threads(8, [](unsigned thread) {
    ProcessHeap& heap = process_heap();
    std::minstd_rand random(thread + 1);
    std::vector<char*> blocks(100, nullptr);
    for (unsigned step = 0; step < kSteps; ++step) {
      char*& block = blocks[random() % blocks.size()];
      const size_t size = random() % (step % 64 == 0 ? 100000 : 500) + 2;
      if (block == nullptr) {
        block = static_cast<char*>(heap.allocate(size, 16));
      } else if (step % 3 == 0) {
        ASSERT_EQ(block[0], static_cast<char>(thread));
        block = static_cast<char*>(heap.reallocate(block, size));
      } else {
        ASSERT_EQ(block[0], static_cast<char>(thread));
        heap.release(block);
        block = nullptr;
        continue;
      }
      ASSERT_NE(block, nullptr);
      block[0] = block[size - 1] = static_cast<char>(thread);
    }
    for (char* const block : blocks) {
      if (block != nullptr) {
        heap.release(block);
      }
    }
  });
  EXPECT_LE(stats().arena_count, kMaxArenas);
}

std::atomic<char*> slots[64];

TEST_F(ProcessHeapThreadsTest, ReleaseOneAnothersBlocks) {
  run_threads(6, [](unsigned thread) {
    ProcessHeap& heap = process_heap();
    std::minstd_rand random(thread + 100);
    for (unsigned step = 0; step < kSteps; ++step) {
      const size_t size = random() % 1000 + 1;
      char* const mine = static_cast<char*>(heap.allocate(size, 16));
      ASSERT_NE(mine, nullptr);
      memset(mine, 0x77, size);
      char* const other = slots[random() % 64].exchange(mine);
      if (other != nullptr) {
        ASSERT_EQ(*other, 0x77);
        heap.release(other);
      }
    }
  });
  for (auto& slot : slots) {
    if (char* const block = slot.exchange(nullptr)) {
      process_heap().release(block);
    }
  }
}

TEST_F(ProcessHeapThreadsTest, HugeBlocksNeedNoLock) {
  run_threads(4, [](unsigned) {
    ProcessHeap& heap = process_heap();
    for (unsigned step = 0; step < 200; ++step) {
      char* block = static_cast<char*>(heap.allocate(5 * kMiB, 16));
      ASSERT_NE(block, nullptr);
      block[0] = 1;
      block = static_cast<char*>(heap.reallocate(block, (5 + step % 20) * kMiB));
      ASSERT_NE(block, nullptr);
      ASSERT_EQ(block[0], 1);
      heap.release(block);
    }
  });
}

// Arenas are as many as threads that meet, not as threads there ever were.
TEST_F(ProcessHeapThreadsTest, ThreadsInTurnShareAnArena) {
  const unsigned arenas = stats().arena_count;
  for (int i = 0; i < 100; ++i) {
    std::thread([] { process_heap().release(process_heap().allocate(100, 16)); }).join();
  }
  EXPECT_EQ(stats().arena_count, arenas);
}

// The last destructor of a thread's own data runs when all else of the thread is gone.
TEST_F(ProcessHeapThreadsTest, ServesDyingThreads) {
  static pthread_key_t key;
  ASSERT_EQ(pthread_key_create(&key,
                               [](void* block) {
                                 process_heap().release(block);
                                 void* const last = process_heap().allocate(50, 16);
                                 process_heap().release(last);
                               }),
            0);
  run_threads(20, [](unsigned) { pthread_setspecific(key, process_heap().allocate(99, 16)); });
  pthread_key_delete(key);
}

using ProcessHeapThreadsDeathTest = ProcessHeapThreadsTest;

TEST_F(ProcessHeapThreadsDeathTest, ASecondReleaseByAnotherThreadIsNamed) {
  EXPECT_DEATH(
      {
        void* const block = process_heap().allocate(100, 16);
        process_heap().release(block);
        std::thread([block] {
          process_heap().release(block);
          process_heap().trim(0);
        }).join();
        process_heap().trim(0);
      },
      "talc: double free: 0x");
}

}  // namespace
}  // namespace talc
