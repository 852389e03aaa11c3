// Tests of api/middle_blocks.hpp: blocks that a thread keeps for itself, and counts as free.
#include "talc/api/middle_blocks.hpp"

#include <gtest/gtest.h>
#include <string.h>

#include <algorithm>

#include "api/process_blocks.hpp"
#include "support/threads.hpp"

namespace talc {
namespace {

using MiddleBlocksTest = ProcessBlocksTest;

TEST_F(MiddleBlocksTest, AMiddleBlockFreedAMomentAgoComesBackAndIsCounted) {
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

TEST_F(MiddleBlocksTest, SoItDoesForOneOfZerosOrOfItsAlignment) {
  for (const size_t align : {size_t{16}, size_t{64}, size_t{4096}}) {
    for (const size_t size : {size_t{9000}, size_t{100000}}) {
      auto* const block = static_cast<char*>(process_heap().allocate(size, align));
      ASSERT_TRUE(is_aligned(block, align));
      memset(block, 'x', size);
      process_heap().release(block);
      ASSERT_EQ(process_heap().allocate_zeroed(size, align), block);
      EXPECT_EQ(std::count(block, block + size, 0), static_cast<ptrdiff_t>(size));
      process_heap().release(block);
    }
  }
}

TEST_F(MiddleBlocksTest, OneOfAnotherArenaServesTheThreadThatFreedIt) {
  void* const block = process_heap().allocate(100000, 16);
  const unsigned arena = PageMap<Pages>::get(block).arena();
  const ProcessStats live = stats();
  run_threads(1, [&](unsigned) {
    release(allocate(100, 1));
    ASSERT_NE(CurrentCache<Pages>::get().arena(), arena);
    process_heap().release(block);
    const ProcessStats freed = stats();
    EXPECT_EQ(freed.arenas[arena].hot_blocks, live.arenas[arena].hot_blocks + 1);
    EXPECT_LE(freed.arenas[arena].middle_bytes + 100000, live.arenas[arena].middle_bytes);
    EXPECT_EQ(process_heap().allocate(99000, 16), block);
    EXPECT_EQ(stats().arenas[arena].middle_bytes, live.arenas[arena].middle_bytes);
    process_heap().release(block);
    EXPECT_DEATH(process_heap().release(block), "^talc: double free: 0x[0-9a-f]+\n$");
  });
  // The thread has ended, and the block is where it came from.
  EXPECT_EQ(stats().arenas[arena].hot_blocks, live.arenas[arena].hot_blocks);
  EXPECT_EQ(stats().arenas[arena].middle_blocks, live.arenas[arena].middle_blocks - 1);
  EXPECT_GE(stats().arenas[arena].gaps, live.arenas[arena].gaps + 100000);
}

}  // namespace
}  // namespace talc
