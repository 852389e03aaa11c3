// Tests of api/process_heap.hpp: sizes, alignments, contents, statistics and named misuse.
#include "talc/api/process_heap.hpp"

#include <errno.h>
#include <gtest/gtest.h>
#include <math.h>
#include <string.h>

#include <algorithm>
#include <random>
#include <vector>

#include "process_heap_fixture.hpp"
#include "support/process.hpp"
#include "support/sanitizers.hpp"

namespace talc {
namespace {

constexpr size_t kKiB = size_t{1} << 10;
constexpr size_t kMiB = size_t{1} << 20;
constexpr size_t kGiB = size_t{1} << 30;

char* bytes(void* block) { return static_cast<char*>(block); }

TEST_F(ProcessHeapTest, EverySizeAtEveryAlignment) {
  std::vector<void*> blocks;
  for (const size_t size : {size_t{0}, size_t{1}, size_t{8}, size_t{24}, size_t{100}, 4 * kKiB,
                            100 * kKiB, kMiB, 4 * kMiB - 16, 4 * kMiB - 15, 4 * kMiB, 5 * kMiB}) {
    for (size_t align = 1; align <= 8 * kMiB; align *= 2) {
      void* const block = heap_.allocate(size, align);
      ASSERT_NE(block, nullptr);
      EXPECT_TRUE(is_aligned(block, std::max(align, size_t{16})));
      EXPECT_GE(heap_.usable_size(block), size);
      EXPECT_TRUE(heap_.owns(block));
      memset(block, 0x5A, size);
      blocks.push_back(block);
    }
  }
  std::vector<void*> sorted = blocks;
  std::sort(sorted.begin(), sorted.end());
  EXPECT_EQ(std::unique(sorted.begin(), sorted.end()), sorted.end());
  for (void* const block : blocks) {
    heap_.release(block);
  }
}

TEST_F(ProcessHeapTest, TheImpossibleIsNull) {
  errno = 55;
  for (const size_t size : {~size_t{0}, ~size_t{0} - 16, ~size_t{0} / 4 * 3, ~size_t{0} / 2 + 1}) {
    EXPECT_EQ(heap_.allocate(size, 16), nullptr);
    EXPECT_EQ(heap_.allocate_zeroed(size, 4 * kMiB), nullptr);
  }
  EXPECT_EQ(heap_.allocate(~size_t{0} / 4 * 3, ~size_t{0} / 2 + 1), nullptr);
  void* const small = heap_.allocate(100, 16);
  void* const huge = heap_.allocate(8 * kMiB, 16);
  memset(small, 3, 100);
  EXPECT_EQ(heap_.reallocate(small, ~size_t{0} / 4 * 3), nullptr);
  EXPECT_EQ(heap_.reallocate(huge, ~size_t{0} - 4096), nullptr);
  EXPECT_EQ(bytes(small)[99], 3);
  heap_.release(small);
  heap_.release(huge);
  EXPECT_EQ(errno, 55);
}

TEST_F(ProcessHeapTest, ZeroedMeansZeroAlsoInReusedMemory) {
  for (const size_t size : {size_t{1}, size_t{100}, 100 * kKiB, 3 * kMiB, 10 * kMiB}) {
    void* const dirty = heap_.allocate(size, 16);
    memset(dirty, 0xFF, size);
    heap_.release(dirty);
    char* const clean = bytes(heap_.allocate_zeroed(size, 16));
    EXPECT_EQ(std::count(clean, clean + size, 0), static_cast<ptrdiff_t>(size));
    heap_.release(clean);
  }
}

TEST_F(ProcessHeapTest, ZeroedBlocksDoNotTouchFreshPages) {
  heap_.trim(0);
  std::vector<char*> blocks;
  const size_t resident = stats().resident;
  // Middle ones, not so many that their heap gets huge pages; and huge ones.
  for (const size_t size : {3 * kMiB, 3 * kMiB, 3 * kMiB, 50 * kMiB}) {
    blocks.push_back(bytes(heap_.allocate_zeroed(size, 16)));
    EXPECT_EQ(blocks.back()[0] + blocks.back()[kMiB] + blocks.back()[3 * kMiB - 1], 0);
  }
  EXPECT_LE(stats().resident, resident + kMiB);
  for (char* const block : blocks) {
    EXPECT_EQ(std::count(block, block + 3 * kMiB, 0), static_cast<ptrdiff_t>(3 * kMiB));
    heap_.release(block);
  }
}

TEST_F(ProcessHeapTest, ReallocKeepsContentsAcrossAllKinds) {
  char* block = bytes(heap_.allocate(10, 16));
  memcpy(block, "0123456789", 10);
  for (const size_t size : {100 * kKiB, 50 * kKiB, 3 * kMiB, 6 * kMiB, 100 * kMiB, 5 * kMiB,
                            2 * kMiB, 500 * kKiB, 8 * kMiB, size_t{10}}) {
    block = bytes(heap_.reallocate(block, size));
    ASSERT_NE(block, nullptr);
    EXPECT_GE(heap_.usable_size(block), size);
    EXPECT_EQ(memcmp(block, "0123456789", 10), 0);
    block[size - 1] = block[size - 1];
  }
  heap_.release(block);
}

// By 16 bytes at a time, with a neighbour that leaves no room above it.
TEST_F(ProcessHeapTest, WhatGrowsByLittleStepsIsSeldomCopied) {
  constexpr size_t kStep = 16;
  constexpr size_t kMost = size_t{128} << 10;
  const double most_copies = log(double{kMost} / kStep) / log(1.25) + 1;
  std::vector<void*> neighbours;
  unsigned copies = 0;
  void* block = heap_.allocate(kStep, 16);
  for (size_t size = 2 * kStep; size <= kMost; size += kStep) {
    void* const moved = heap_.reallocate(block, size);
    if (moved != block) {
      neighbours.push_back(heap_.allocate(size, 16));
      copies += 1;
    }
    block = moved;
  }
  EXPECT_LE(copies, most_copies);
  heap_.release(block);
  for (void* const neighbour : neighbours) {
    heap_.release(neighbour);
  }
}

TEST_F(ProcessHeapTest, ReallocOfAGibibyteCopiesNothing) {
  constexpr size_t kSize = kWordBits == 64 ? kGiB : kGiB / 8;
  char* block = bytes(heap_.allocate(kSize, 16));
  ASSERT_NE(block, nullptr);
  block[0] = block[kSize - 1] = 1;
  const size_t resident = stats().resident;
  for (size_t size = kSize; size <= 3 * kSize; size += kSize / 4) {
    block = bytes(heap_.reallocate(block, size));
    ASSERT_NE(block, nullptr);
  }
  EXPECT_EQ(block[0] + block[kSize - 1], 2);
  EXPECT_LE(stats().resident, resident + 4 * kMiB);
  heap_.release(block);
}

TEST_F(ProcessHeapTest, OnlyALiveSmallBlockOfAboutTheSizeMayStay) {
  auto* const block = static_cast<char*>(process_heap().allocate(100, 16));
  const size_t usable = process_heap().usable_size(block);
  // With 32 bits of address what other tests have left may be in the way.
  using Map = PageMap<>;
  const bool is_near = Map::near_index(block, Map::near_base()) < Map::kNearSize;
  EXPECT_TRUE(is_near || kWordBits == 32 || HeapPlacement::start() == nullptr);
  EXPECT_EQ(ProcessHeap::may_stay(block, usable), is_near);
  EXPECT_EQ(ProcessHeap::may_stay(block, usable / 2 + 1), is_near);
  EXPECT_FALSE(ProcessHeap::may_stay(block, usable + 1));
  EXPECT_FALSE(ProcessHeap::may_stay(block, usable / 2));
  EXPECT_FALSE(ProcessHeap::may_stay(block, 0));
  EXPECT_FALSE(ProcessHeap::may_stay(block + 16, 60));
  EXPECT_FALSE(ProcessHeap::may_stay(block + 1, 60));
  EXPECT_FALSE(ProcessHeap::may_stay(nullptr, 60));
  EXPECT_FALSE(ProcessHeap::may_stay(&block, 60));
  process_heap().release(block);
  EXPECT_FALSE(ProcessHeap::may_stay(block, usable));
  void* const middle = process_heap().allocate(100000, 16);
  EXPECT_FALSE(ProcessHeap::may_stay(middle, 100000));
  process_heap().release(middle);
}

TEST_F(ProcessHeapTest, UsableSizeIsConstantAndAllOfItUsable) {
  void* const block = heap_.allocate(1000, 16);
  const size_t usable = heap_.usable_size(block);
  void* const neighbour = heap_.allocate(1000, 16);
  memset(block, 0xEE, usable);
  EXPECT_EQ(heap_.usable_size(block), usable);
  EXPECT_EQ(heap_.usable_size(neighbour), usable);
  heap_.release(neighbour);
  EXPECT_EQ(heap_.usable_size(block), usable);
  heap_.release(block);
}

TEST_F(ProcessHeapTest, StatisticsAreExact) {
  void* const small = heap_.allocate(100, 16);
  void* const middle = heap_.allocate(100 * kKiB, 16);
  void* const huge = heap_.allocate(8 * kMiB, 16);
  const ProcessStats now = stats();
  EXPECT_EQ(now.allocations - before_.allocations, 3U);
  EXPECT_EQ(now.frees, before_.frees);
  EXPECT_EQ(now.allocated - before_.allocated,
            heap_.usable_size(small) + heap_.usable_size(middle) + heap_.usable_size(huge));
  EXPECT_EQ(now.active - before_.active, now.allocated - before_.allocated + 2 * kWordSize);
  EXPECT_LE(now.cached + now.in_transit, now.retained);
  EXPECT_EQ(now.huge_blocks, before_.huge_blocks + 1);
  EXPECT_EQ(now.huge_bytes, before_.huge_bytes + 8 * kMiB);
  EXPECT_GE(now.peak, now.mapped);
  EXPECT_GE(now.arena_count, 1U);
  size_t allocations = now.huge_blocks + before_.allocations;
  for (unsigned i = 0; i < now.arena_count; ++i) {
    const ArenaStats& arena = now.arenas[i];
    EXPECT_EQ(arena.mapped, arena.active + arena.metadata + arena.retained);
    EXPECT_LE(arena.resident, arena.mapped);
    allocations += arena.allocations - before_.arenas[i].allocations;
  }
  EXPECT_EQ(allocations, now.allocations + before_.huge_blocks);
  heap_.release(small);
  heap_.release(middle);
  heap_.release(huge);
  EXPECT_EQ(stats().frees - before_.frees, 3U);
}

TEST_F(ProcessHeapTest, TrimGivesBack) {
  std::vector<void*> blocks;
  for (int i = 0; i < 200; ++i) {
    blocks.push_back(memset(heap_.allocate(100 * kKiB, 16), 1, 100 * kKiB));
  }
  void* const last = heap_.allocate(100, 16);
  const size_t resident = stats().resident;
  for (void* const block : blocks) {
    heap_.release(block);
  }
  EXPECT_TRUE(heap_.trim(0));
  EXPECT_LE(stats().resident + 19 * kMiB, resident);
  heap_.release(last);
}

TEST_F(ProcessHeapTest, DoesNotOwnWhatIsNotIts) {
  int local = 0;
  static int global = 0;
  EXPECT_FALSE(heap_.owns(nullptr));
  EXPECT_FALSE(heap_.owns(&local));
  EXPECT_FALSE(heap_.owns(&global));
  EXPECT_FALSE(heap_.owns(reinterpret_cast<void*>(~uintptr_t{15})));
}

// Random operations of all kinds against a model that remembers every block's contents.
TEST_F(ProcessHeapTest, AgreesWithAModel) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  struct Model {
    char* block;
    size_t size;
    char fill;
  };
  std::vector<Model> model;
  const auto random_size = [&] {
    const size_t limit = size_t{1} << random() % (random() % 50 == 0 ? 24 : 16);
    return random() % (limit + 1);
  };
  const auto check = [](const Model& entry) {
    return std::count(entry.block, entry.block + entry.size, entry.fill) ==
           static_cast<ptrdiff_t>(entry.size);
  };
  const int steps = kUnderSanitizer ? 3000 : 60000;
  for (int step = 0; step < steps; ++step) {
    const size_t action = random() % 10;
    const size_t size = random_size();
    const size_t index = model.empty() ? 0 : random() % model.size();
    if (action < 4 || model.empty()) {
      const size_t align = size_t{1} << random() % (action == 0 ? 16 : 5);
      char* const block =
          bytes(action == 1 ? heap_.allocate_zeroed(size, align) : heap_.allocate(size, align));
      ASSERT_NE(block, nullptr);
      ASSERT_TRUE(is_aligned(block, align));
      if (action == 1) {
        ASSERT_TRUE(check({block, size, 0}));
      }
      model.push_back({block, size, static_cast<char>(step)});
      memset(block, static_cast<char>(step), size);
    } else if (action < 6) {
      Model& entry = model[index];
      ASSERT_TRUE(check(entry));
      const size_t new_size = size == 0 ? 1 : size;
      entry.block = bytes(heap_.reallocate(entry.block, new_size));
      ASSERT_NE(entry.block, nullptr);
      entry.size = std::min(entry.size, new_size);
      ASSERT_TRUE(check(entry));
      entry.size = new_size;
      memset(entry.block, entry.fill, new_size);
    } else {
      ASSERT_TRUE(check(model[index]));
      heap_.release(model[index].block);
      model[index] = model.back();
      model.pop_back();
    }
    if (step % 5000 == 0) {
      heap_.trim(0);
    }
  }
  for (const Model& entry : model) {
    ASSERT_TRUE(check(entry));
    heap_.release(entry.block);
  }
}

class ProcessHeapDeathTest : public ProcessHeapTest {
 protected:
  // A small block is checked when it reaches its slab, at the latest.
  void release_and_trim(void* block) {
    heap_.release(block);
    heap_.trim(0);
  }
};

TEST_F(ProcessHeapDeathTest, NamesWrongPointers) {
  char* const block = bytes(heap_.allocate_zeroed(1000, 16));
  alignas(16) static char foreign[64];
  EXPECT_DEATH(heap_.release(foreign + 32), "^talc: invalid pointer: 0x[0-9a-f]+\n$");
  EXPECT_DEATH(heap_.release(block + 8), "^talc: misaligned pointer: 0x[0-9a-f]+\n$");
  EXPECT_DEATH(release_and_trim(block + 64), "^talc: invalid pointer: 0x[0-9a-f]+\n$");
  EXPECT_DEATH(heap_.usable_size(block + 64), "^talc: invalid pointer: 0x[0-9a-f]+\n$");
  EXPECT_DEATH((void)heap_.reallocate(foreign, 8), "^talc: invalid pointer: 0x[0-9a-f]+\n$");
  heap_.release(block);
}

TEST_F(ProcessHeapDeathTest, NamesASecondRelease) {
  for (const size_t size :
       {size_t{0}, size_t{24}, size_t{100}, size_t{5000}, 300 * kKiB, 3 * kMiB, 8 * kMiB}) {
    void* const below = heap_.allocate(101, 16);
    void* const block = heap_.allocate(size, 16);
    void* const above = heap_.allocate(100, 16);
    heap_.release(block);
    EXPECT_DEATH(heap_.release(block), "^talc: double free: 0x[0-9a-f]+\n$");
    EXPECT_DEATH((void)heap_.reallocate(block, 7), "^talc: use after free: 0x[0-9a-f]+\n$");
    EXPECT_DEATH((void)heap_.usable_size(block), "^talc: use after free: 0x[0-9a-f]+\n$");
    heap_.release(below);
    EXPECT_DEATH(release_and_trim(block), "^talc: double free: 0x[0-9a-f]+\n$");
    heap_.release(above);
    EXPECT_DEATH(release_and_trim(block), "^talc: double free: 0x[0-9a-f]+\n$");
    heap_.trim(0);
    EXPECT_DEATH(release_and_trim(block), "^talc: double free: 0x[0-9a-f]+\n$");
  }
}

TEST_F(ProcessHeapDeathTest, KnowsAFreedBlockWhoseMemoryIsReturned) {
  std::vector<void*> blocks;
  for (int i = 0; i < 20; ++i) {
    blocks.push_back(heap_.allocate(kMiB, 16));
  }
  for (void* const block : blocks) {
    heap_.release(block);
  }
  heap_.trim(0);
  for (void* const block : blocks) {
    EXPECT_DEATH(heap_.release(block), "^talc: double free: 0x[0-9a-f]+\n$");
  }
}

TEST_F(ProcessHeapDeathTest, NamesAnOverwrittenSize) {
  char* const block = bytes(heap_.allocate(100 * kKiB, 16));
  const size_t prefix = load_word(block - kWordSize);
  store_word(block - kWordSize, 12345);
  EXPECT_DEATH(heap_.release(block), "^talc: corrupt block: 0x[0-9a-f]+\n$");
  store_word(block - kWordSize, prefix);
  heap_.release(block);
}

}  // namespace
}  // namespace talc
