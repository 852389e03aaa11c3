// The C API, as talc/talc.h states it. programs/c_arena.c shows that C can use it.
#include "talc/talc.h"

#include <gtest/gtest.h>
#include <stdint.h>
#include <string.h>

#include <memory>
#include <random>
#include <vector>

namespace {

talc_counters counters_of(const talc_arena* arena) {
  talc_counters counters = {};
  counters.size = sizeof counters;
  talc_arena_counters(arena, &counters);
  return counters;
}

class Arena : public testing::Test {
 protected:
  static constexpr size_t kSize = 1 << 16;

  void TearDown() override { EXPECT_EQ(talc_arena_check(arena_), 0); }

  std::unique_ptr<char[]> memory_ = std::make_unique<char[]>(kSize);
  std::unique_ptr<char[]> further_;
  talc_arena* arena_ = talc_arena_create(memory_.get(), kSize);
};

TEST_F(Arena, LivesInItsMemoryAndSoDoItsBlocks) {
  const auto within = [&](const void* ptr) {
    return ptr >= memory_.get() && ptr < memory_.get() + kSize;
  };
  EXPECT_TRUE(within(arena_));
  void* const block = talc_arena_malloc(arena_, 100, 8);
  EXPECT_TRUE(within(block));
  EXPECT_TRUE(within(static_cast<char*>(block) + 99));
  talc_arena_free(arena_, block, 100, 8);
}

TEST_F(Arena, AlignsAsAsked) {
  for (size_t align = 1; align <= 8192; align *= 2) {
    void* const block = talc_arena_malloc(arena_, 10, align);
    ASSERT_NE(block, nullptr);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(block) % align, 0U);
    memset(block, 1, 10);
  }
  void* const block = talc_arena_malloc(arena_, 10, 0);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(block) % alignof(max_align_t), 0U);
}

TEST_F(Arena, RefusesAlignmentsThatAreNoPowerOfTwo) {
  EXPECT_EQ(talc_arena_malloc(arena_, 10, 3), nullptr);
  EXPECT_EQ(talc_arena_malloc(arena_, 10, SIZE_MAX), nullptr);
  void* const block = talc_arena_malloc(arena_, 10, 1);
  EXPECT_EQ(talc_arena_realloc(arena_, block, 10, 24, 20), nullptr);
  talc_arena_free(arena_, block, 10, 1);
}

TEST_F(Arena, GivesNullWhenNothingFits) {
  EXPECT_EQ(talc_arena_malloc(arena_, kSize, 1), nullptr);
  EXPECT_EQ(talc_arena_malloc(arena_, SIZE_MAX, 1), nullptr);
  EXPECT_EQ(talc_arena_malloc(arena_, SIZE_MAX / 2, 4096), nullptr);
  EXPECT_EQ(talc_arena_malloc(arena_, 1, SIZE_MAX / 2 + 1), nullptr);
}

TEST_F(Arena, FreesNullAndReallocatesNull) {
  talc_arena_free(arena_, nullptr, 0, 8);
  void* const block = talc_arena_realloc(arena_, nullptr, 0, 8, 100);
  ASSERT_NE(block, nullptr);
  talc_arena_free(arena_, block, 100, 8);
  EXPECT_EQ(counters_of(arena_).live_allocations, 0U);
}

TEST_F(Arena, ReallocKeepsTheContents) {
  auto* block = static_cast<char*>(talc_arena_malloc(arena_, 100, 1));
  void* const neighbour = talc_arena_malloc(arena_, 100, 1);
  memset(block, 'a', 100);
  block = static_cast<char*>(talc_arena_realloc(arena_, block, 100, 1, 5000));
  ASSERT_NE(block, nullptr);
  EXPECT_EQ(std::string(block, 100), std::string(100, 'a'));
  EXPECT_EQ(talc_arena_realloc(arena_, block, 5000, 1, kSize), nullptr);
  EXPECT_EQ(std::string(block, 100), std::string(100, 'a'));
  block = static_cast<char*>(talc_arena_realloc(arena_, block, 5000, 1, 50));
  ASSERT_NE(block, nullptr);
  EXPECT_EQ(std::string(block, 50), std::string(50, 'a'));
  void* const empty = talc_arena_realloc(arena_, block, 50, 1, 0);
  ASSERT_NE(empty, nullptr);
  talc_arena_free(arena_, empty, 0, 1);
  talc_arena_free(arena_, neighbour, 100, 1);
  EXPECT_EQ(counters_of(arena_).live_bytes, 0U);
}

TEST_F(Arena, OfZeroBytesIsABlockOfItsOwn) {
  void* const a = talc_arena_malloc(arena_, 0, 1);
  void* const b = talc_arena_malloc(arena_, 0, 1);
  EXPECT_NE(a, nullptr);
  EXPECT_NE(b, nullptr);
  EXPECT_NE(a, b);
}

TEST_F(Arena, ClaimsMore) {
  auto more = std::make_unique<char[]>(kSize);
  EXPECT_EQ(talc_arena_claim(arena_, nullptr, kSize), -1);
  EXPECT_EQ(talc_arena_claim(arena_, more.get(), 16), -1);
  EXPECT_EQ(talc_arena_claim(arena_, more.get(), SIZE_MAX), -1);
  EXPECT_EQ(counters_of(arena_).heap_count, 1U);
  EXPECT_EQ(talc_arena_claim(arena_, more.get(), kSize), 0);
  EXPECT_EQ(counters_of(arena_).heap_count, 2U);
  void* const a = talc_arena_malloc(arena_, kSize / 4 * 3, 1);
  void* const b = talc_arena_malloc(arena_, kSize / 4 * 3, 1);
  EXPECT_NE(a, nullptr);
  EXPECT_NE(b, nullptr);
  EXPECT_EQ(talc_arena_check(arena_), 0);
  talc_arena_free(arena_, a, kSize / 4 * 3, 1);
  talc_arena_free(arena_, b, kSize / 4 * 3, 1);
  EXPECT_EQ(talc_arena_check(arena_), 0);
  // The arena may have its tables there: it must outlive TearDown.
  further_ = std::move(more);
}

TEST_F(Arena, CountsWhatItDoes) {
  void* const a = talc_arena_malloc(arena_, 100, 8);
  void* const b = talc_arena_malloc(arena_, 200, 8);
  talc_arena_free(arena_, a, 100, 8);
  const talc_counters counters = counters_of(arena_);
  EXPECT_EQ(counters.size, sizeof counters);
  EXPECT_EQ(counters.live_allocations, 1U);
  EXPECT_EQ(counters.total_allocations, 2U);
  EXPECT_EQ(counters.freed_allocations, 1U);
  EXPECT_EQ(counters.live_bytes, 200U);
  EXPECT_EQ(counters.total_bytes, 300U);
  EXPECT_EQ(counters.freed_bytes, 100U);
  EXPECT_EQ(counters.heap_count, 1U);
  EXPECT_GE(counters.gap_count, 1U);
  EXPECT_LE(counters.claimed_bytes, kSize);
  EXPECT_EQ(counters.claimed_bytes,
            counters.available_bytes + counters.live_bytes + counters.overhead_bytes);
  talc_arena_free(arena_, b, 200, 8);
}

TEST_F(Arena, FillsInAsMuchOfTheCountersAsTheCallerKnows) {
  struct {
    talc_counters known;
    size_t later[2];
  } newer;
  memset(&newer, 0xff, sizeof newer);
  newer.known.size = sizeof newer;
  talc_arena_counters(arena_, &newer.known);
  EXPECT_EQ(newer.known.size, sizeof newer);
  EXPECT_EQ(newer.known.heap_count, 1U);
  EXPECT_EQ(newer.later[0], 0U);
  EXPECT_EQ(newer.later[1], 0U);

  talc_counters older;
  memset(&older, 0xff, sizeof older);
  older.size = 2 * sizeof(size_t);
  talc_arena_counters(arena_, &older);
  EXPECT_EQ(older.live_allocations, 0U);
  EXPECT_EQ(older.total_allocations, SIZE_MAX);
}

TEST(ArenaCreate, RefusesMemoryThatIsNullOrTooSmall) {
  alignas(16) char memory[512];
  EXPECT_EQ(talc_arena_create(nullptr, 1000), nullptr);
  EXPECT_EQ(talc_arena_create(nullptr, 0), nullptr);
  EXPECT_EQ(talc_arena_create(memory, 0), nullptr);
  EXPECT_EQ(talc_arena_create(memory, 64), nullptr);
  EXPECT_EQ(talc_arena_create(memory, SIZE_MAX), nullptr);
}

// The least size at which an arena and a block of one byte come to be.
size_t smallest_arena(size_t misalignment) {
  alignas(64) static char memory[4096 + 64];
  for (size_t size = 0; size <= 4096; ++size) {
    talc_arena* const arena = talc_arena_create(memory + misalignment, size);
    if (arena != nullptr && talc_arena_malloc(arena, 1, 1) != nullptr) {
      EXPECT_EQ(talc_arena_check(arena), 0);
      return size;
    }
  }
  return SIZE_MAX;
}

TEST(ArenaCreate, NeedsNoMoreThan512Bytes) {
  EXPECT_LE(smallest_arena(0), 512U);
  RecordProperty("smallest_arena", static_cast<int>(smallest_arena(0)));
}

TEST(ArenaCreate, TakesMemoryOfAnyAlignment) {
  for (size_t misalignment = 0; misalignment < 64; ++misalignment) {
    EXPECT_LE(smallest_arena(misalignment), 512U + 7) << misalignment;
  }
}

TEST_F(Arena, CheckFindsWhatWasOverwritten) {
  void* const a = talc_arena_malloc(arena_, 100, 8);
  void* const b = talc_arena_malloc(arena_, 100, 8);
  ASSERT_EQ(talc_arena_check(arena_), 0);
  // Beyond the end of the block, where its tag is.
  char* const tag = static_cast<char*>(a) + 104;
  char kept[8];
  memcpy(kept, tag, sizeof kept);
  memset(tag, 0, sizeof kept);
  EXPECT_EQ(talc_arena_check(arena_), -1);
  memcpy(tag, kept, sizeof kept);
  EXPECT_EQ(talc_arena_check(arena_), 0);
  talc_arena_free(arena_, a, 100, 8);
  talc_arena_free(arena_, b, 100, 8);
}

// Random operations against a list of what must be live, contents and invariants checked.
TEST_F(Arena, SurvivesRandomUse) {
  struct Block {
    char* at;
    size_t size, align;
    char value;
  };
  const unsigned seed = std::random_device{}();
  std::mt19937 random(seed);
  SCOPED_TRACE(seed);
  std::vector<Block> blocks;
  const auto verify = [](const Block& block) {
    for (size_t i = 0; i < block.size; ++i) {
      ASSERT_EQ(block.at[i], block.value);
    }
  };
  for (int step = 0; step < 5000; ++step) {
    const size_t size = random() % 1500;
    const size_t index = blocks.empty() ? 0 : random() % blocks.size();
    if (blocks.empty() || random() % 3 == 0) {
      const Block block = {nullptr, size, size_t{1} << random() % 9, static_cast<char>(random())};
      void* const at = talc_arena_malloc(arena_, block.size, block.align);
      if (at != nullptr) {
        blocks.push_back(block);
        blocks.back().at = static_cast<char*>(at);
        memset(at, block.value, size);
      }
    } else if (Block& block = blocks[index]; random() % 2 == 0) {
      verify(block);
      void* const at = talc_arena_realloc(arena_, block.at, block.size, block.align, size);
      if (at != nullptr) {
        block.at = static_cast<char*>(at);
        block.size = std::min(size, block.size);
        verify(block);
        block.size = size;
        memset(at, block.value, size);
      }
    } else {
      verify(block);
      talc_arena_free(arena_, block.at, block.size, block.align);
      block = blocks.back();
      blocks.pop_back();
    }
    ASSERT_EQ(talc_arena_check(arena_), 0) << step;
    ASSERT_EQ(counters_of(arena_).live_allocations, blocks.size());
  }
}

}  // namespace
