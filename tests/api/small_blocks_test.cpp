// Tests of api/small_blocks.hpp through the process heap: caches fill, empty and change hands, every
// block keeps its contents, and in the end every byte is accounted for.
#include "talc/api/small_blocks.hpp"

#include <gtest/gtest.h>
#include <string.h>

#include <atomic>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include "support/flaky_pages.hpp"
#include "support/process.hpp"
#include "support/sanitizers.hpp"
#include "support/threads.hpp"

namespace talc {
namespace {

constexpr size_t kMiB = size_t{1} << 20;

ProcessStats stats() {
  ProcessStats out;
  process_heap().get_stats(out, ProcessHeap::Resident::skip);
  return out;
}

struct Block {
  unsigned char* bytes;
  size_t size;
  unsigned char mark;
};

Block allocate(size_t size, unsigned char mark) {
  auto* const bytes = static_cast<unsigned char*>(process_heap().allocate(size, 16));
  memset(bytes, mark, size);
  return {bytes, size, mark};
}

// Returns whether the block holds what allocate wrote.
bool release(const Block& block) {
  bool is_whole = true;
  for (size_t i = 0; i < block.size; ++i) {
    is_whole &= block.bytes[i] == block.mark;
  }
  process_heap().release(block.bytes);
  return is_whole;
}

class SmallBlocksTest : public testing::Test {
 protected:
  SmallBlocksTest() {
    process_heap().trim(0);
    before_ = stats();
  }
  // The threads of the test are gone and this one's cache is emptied: nothing is left anywhere.
  ~SmallBlocksTest() override {
    process_heap().trim(0);
    const ProcessStats now = stats();
    EXPECT_EQ(now.allocations - now.frees, before_.allocations - before_.frees);
    EXPECT_EQ(now.allocated, before_.allocated);
    EXPECT_EQ(now.cached, 0U);
    EXPECT_EQ(now.in_transit, 0U);
    EXPECT_EQ(now.mapped, now.active + now.metadata + now.retained);
  }

  ProcessStats before_;
};

TEST_F(SmallBlocksTest, CachesHoldWhatIsFreedAndSayHowMuch) {
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

TEST_F(SmallBlocksTest, ThreadsReleaseOneAnothersBlocksOfEveryClass) {
  constexpr unsigned kThreads = 6;
  struct Box {
    std::mutex mutex;
    std::vector<Block> blocks;
  };
  static Box boxes[kThreads];
  std::atomic<unsigned> broken{0};
  run_threads(kThreads, [&](unsigned me) {
    std::mt19937 random(me);
    for (int i = 0; i < (kUnderSanitizer ? 1000 : 20000); ++i) {
      const auto size_class = static_cast<unsigned>(random() % SizeClasses::kCount);
      const size_t size = SizeClasses::size_of(size_class) - random() % 16;
      const Block block = allocate(size, static_cast<unsigned char>(random()));
      Block out{};
      {
        Box& box = boxes[random() % kThreads];
        const std::lock_guard guard(box.mutex);
        box.blocks.push_back(block);
        std::swap(box.blocks[random() % box.blocks.size()], box.blocks.back());
        if (box.blocks.size() > 300) {
          out = box.blocks.back();
          box.blocks.pop_back();
        }
      }
      if (out.bytes != nullptr && !release(out)) {
        broken += 1;
      }
    }
  });
  for (Box& box : boxes) {
    for (const Block& block : box.blocks) {
      broken += !release(block);
    }
    box.blocks.clear();
  }
  EXPECT_EQ(broken, 0U);
}

TEST_F(SmallBlocksTest, AThreadThatOnlyReleasesKeepsLittle) {
  std::vector<Block> blocks;
  for (size_t i = 0; i < 40 * kMiB / 1024; ++i) {
    blocks.push_back(allocate(1024, 3));
  }
  std::thread([&] {
    for (const Block& block : blocks) {
      EXPECT_TRUE(release(block));
    }
    const ProcessStats now = stats();
    EXPECT_LE(now.in_transit, ThreadCache::kMaxOutboxBytes + 1024);
    EXPECT_LT(now.allocated, before_.allocated + kMiB);
  }).join();
}

TEST_F(SmallBlocksTest, AThreadsMemoryServesTheNextOne) {
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

TEST_F(SmallBlocksTest, MagazinesOfManyThreadsStayWithinTheBudget) {
  constexpr unsigned kThreads = kUnderSanitizer ? 20 : 300;
  std::atomic<unsigned> ready{0};
  std::atomic<bool> may_end{false};
  size_t cached = 0;
  std::thread observer([&] {
    while (ready < kThreads) {
      std::this_thread::yield();
    }
    cached = stats().cached;
    may_end = true;
  });
  run_threads(kThreads, [&](unsigned) {
    for (unsigned size_class = 0; size_class < SizeClasses::kCount; ++size_class) {
      Block blocks[40];
      for (Block& block : blocks) {
        block = allocate(SizeClasses::size_of(size_class), 1);
      }
      for (const Block& block : blocks) {
        EXPECT_TRUE(release(block));
      }
    }
    ready += 1;
    while (!may_end) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  });
  observer.join();
  EXPECT_GT(cached, kMiB);
  EXPECT_LE(cached, SmallBlocks<Pages>::kMinBudget);
}

TEST_F(SmallBlocksTest, AMiddleBlockFreedAMomentAgoComesBackAndIsCounted) {
  void* const block = process_heap().allocate(100000, 16);
  const ProcessStats live = stats();
  process_heap().release(block);
  const ProcessStats freed = stats();
  EXPECT_EQ(freed.frees, live.frees + 1);
  EXPECT_GE(freed.cached, live.cached + 100000);
  EXPECT_LE(freed.allocated + 100000, live.allocated);
  EXPECT_EQ(freed.mapped, freed.active + freed.metadata + freed.retained);
  EXPECT_EQ(process_heap().allocate(99000, 16), block);
  EXPECT_EQ(stats().allocations, live.allocations + 1);
  EXPECT_EQ(stats().allocated, live.allocated);
  process_heap().release(block);
  EXPECT_DEATH(process_heap().release(block), "^talc: double free: 0x[0-9a-f]+\n$");
}

TEST_F(SmallBlocksTest, AThreadThatReleasesAFewBlocksNeedsNoCache) {
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

TEST_F(SmallBlocksTest, ALateThreadGetsMagazinesHoweverMuchOthersHold) {
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

TEST_F(SmallBlocksTest, AlignedBlocksComeFromSlabsWhereAClassIsAligned) {
  const size_t slabs = stats().slabs;
  for (size_t align = 16; align <= SizeClasses::kMaxSize; align *= 2) {
    for (const size_t size : {size_t{1}, align / 2, align, align + 1, 3 * align}) {
      void* const block = process_heap().allocate(size, align);
      EXPECT_TRUE(is_aligned(block, align));
      EXPECT_GE(process_heap().usable_size(block), size);
      process_heap().release(block);
    }
  }
  EXPECT_GT(stats().slabs, slabs);
}

TEST_F(SmallBlocksTest, AFreedBlockIsNotReadOrWritten) {
  Block blocks[64];
  Block neighbours[64];  // in the same slabs, which therefore stay
  for (int i = 0; i < 64; ++i) {
    blocks[i] = allocate(48, 9);
    neighbours[i] = allocate(48, 8);
  }
  for (const Block& block : blocks) {
    process_heap().release(block.bytes);
  }
  process_heap().trim(0);
  unsigned looked_at = 0;
  for (const Block& block : blocks) {
    if (PageMap<Pages>::get(block.bytes).kind() != PageEntry::Kind::small) {
      continue;  // alone in its slab, after all
    }
    looked_at += 1;
    for (size_t i = 0; i < block.size; ++i) {
      ASSERT_EQ(block.bytes[i], block.mark);
    }
  }
  EXPECT_GE(looked_at, 60U);
  for (const Block& neighbour : neighbours) {
    EXPECT_TRUE(release(neighbour));
  }
}

// A heap of its own, whose arena can be held.
struct Tag;
using Kernel = FlakyPages<Tag>;
constinit ArenaSet<Kernel> arenas;
constinit SmallBlocks<Kernel> small(arenas);

TEST(SmallBlocks, AThreadThatEndsWhileItsArenaIsBusyLosesNothing) {
  std::atomic<bool> has_cache{false};
  std::atomic<bool> is_held{false};
  std::thread thread([&] {
    void* const block = small.allocate(3);
    small.release(block, PageMap<Kernel>::get(block));
    has_cache = true;
    while (!is_held) {
      std::this_thread::yield();
    }
    small.end_thread(CurrentCache<Kernel>::get());
    ThreadExit::arm(nullptr);  // it would tell the other heap
  });
  while (!has_cache) {
    std::this_thread::yield();
  }
  {
    const auto visit = arenas.visit_one(0);
    ASSERT_TRUE(visit);
    is_held = true;
    thread.join();
  }
  EXPECT_EQ(arenas[0].users(), 0U);
  EXPECT_GT(small.stats_of(arenas[0]).cached_bytes, 0U);
  EXPECT_EQ(small.stats_of(arenas[0]).live, 0U);
  small.empty_free_caches();
  EXPECT_EQ(small.stats_of(arenas[0]).cached_bytes, 0U);
}

}  // namespace
}  // namespace talc
