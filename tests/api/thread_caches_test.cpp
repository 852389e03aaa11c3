// Tests of api/thread_caches.hpp: caches begin with threads, end with them, and change hands.
#include "talc/api/thread_caches.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <latch>
#include <thread>
#include <vector>

#include "api/process_blocks.hpp"
#include "support/flaky_pages.hpp"

namespace talc {
namespace {

using ThreadCachesTest = ProcessBlocksTest;

TEST_F(ThreadCachesTest, AThreadsMemoryServesTheNextOne) {
  size_t mapped = 0;
  for (int round = 0; round < 50; ++round) {
    std::thread([&] {
      std::vector<Block> blocks;
      for (int i = 0; i < 4000; ++i) {
        blocks.push_back(allocate(size_t{16} << (i % 8), 5));
      }
      for (const Block& block : blocks) {
        EXPECT_TRUE(release(block));
      }
    }).join();
    mapped = round == 10 ? stats().mapped : mapped;
  }
  EXPECT_LE(stats().mapped, mapped + kMiB);
}

TEST_F(ThreadCachesTest, AThreadThatReleasesAFewBlocksNeedsNoCache) {
  std::vector<Block> blocks;
  for (int i = 0; i < 200; ++i) {
    blocks.push_back(allocate(100, 3));
  }
  std::thread([&] {
    EXPECT_TRUE(release(blocks.back()));
    blocks.pop_back();
    EXPECT_FALSE(CurrentCache<Pages>::get().is_one());
    for (const Block& block : blocks) {
      EXPECT_TRUE(release(block));
    }
    EXPECT_TRUE(CurrentCache<Pages>::get().is_one());
  }).join();
}

// A heap of its own, whose arena can be held.
struct Tag;
using Kernel = FlakyPages<Tag>;
constinit ThreadCaches<Kernel> caches;

// A thread that has something in its cache acts, and ends, once another has its arena, who holds it until
// hold(thread) returns.
template <class Act, class Hold>
void act_while_arena_is_held(Act act, Hold hold) {
  std::latch has_cache(1);
  std::latch is_held(1);
  std::thread thread([&] {
    void* const block = SmallBlocks<Kernel>::allocate(caches, 3);
    SmallBlocks<Kernel>::release(caches, block, PageMap<Kernel>::get(block));
    EXPECT_GT(caches.count(caches.arenas()[0], true).cached_bytes, 0U);
    has_cache.count_down();
    is_held.wait();
    act();
    caches.end_thread(CurrentCache<Kernel>::get());
    ThreadExit::arm(nullptr);  // it would tell the other heap
  });
  has_cache.wait();
  {
    const auto visit = caches.arenas().visit_one(0);
    EXPECT_TRUE(visit);
    is_held.count_down();
    hold(thread);
  }
  if (thread.joinable()) {
    thread.join();
  }
}

TEST(ThreadCaches, AThreadThatEndsWhileItsArenaIsBusyLosesNothing) {
  act_while_arena_is_held([] {}, [](std::thread& thread) { thread.join(); });
  Arena<Kernel>& home = caches.arenas()[0];
  EXPECT_EQ(home.users(), 0U);
  EXPECT_GT(caches.count(home, true).cached_bytes, 0U);
  EXPECT_EQ(caches.count(home, true).small, 0U);
  caches.empty_free();
  EXPECT_EQ(caches.count(home, true).cached_bytes, 0U);
}

// Another thread that trims may be at it for long; what is not sent home meanwhile may be what keeps
// a whole heap from going back.
TEST(ThreadCaches, WhoeverTrimsWaitsForItsArena) {
  act_while_arena_is_held(
      [] {
        caches.empty_own();
        EXPECT_EQ(caches.count(caches.arenas()[0], true).cached_bytes, 0U);
      },
      [](std::thread&) { std::this_thread::sleep_for(std::chrono::milliseconds(200)); });
}

}  // namespace
}  // namespace talc
