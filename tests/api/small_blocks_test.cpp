// Tests of api/small_blocks.hpp through the process heap: whoever frees it, a block keeps its contents
// until then, and nobody touches it afterwards.
#include "talc/api/small_blocks.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <thread>
#include <vector>

#include "api/exchanged_blocks.hpp"
#include "api/process_blocks.hpp"
#include "support/sanitizers.hpp"
#include "support/threads.hpp"

namespace talc {
namespace {

using SmallBlocksTest = ProcessBlocksTest;

TEST_F(SmallBlocksTest, ThreadsReleaseOneAnothersBlocksOfEveryClass) {
  const auto blocks = std::make_unique<ExchangedBlocks>();
  blocks->run();
  blocks->expect_whole();
  blocks->expect_each_class_was_posted();
}

// The smallest class whose slots hold `size` bytes and are aligned.
unsigned least_class(size_t size, size_t align) {
  unsigned size_class = 0;
  while (SizeClasses::size_of(size_class) < size || SizeClasses::size_of(size_class) % align != 0) {
    size_class += 1;
  }
  return size_class;
}

// Neither an aligned middle block nor a slot that is larger than it must be: the coarse class serves until
// there is much of it, and lends what it has left then.
void expect_aligned_slot(size_t size, size_t align) {
  const unsigned least = least_class(size, align);
  void* const block = process_heap().allocate(size, align);
  const PageEntry entry = PageMap<Pages>::get(block);
  EXPECT_TRUE(is_aligned(block, align)) << size << " aligned to " << align;
  ASSERT_EQ(entry.kind(), PageEntry::Kind::small) << size << " aligned to " << align;
  EXPECT_TRUE(entry.size_class() == least || entry.size_class() == SizeClasses::coarse_of(least))
      << size << " aligned to " << align << " has " << SizeClasses::size_of(entry.size_class());
  EXPECT_EQ(process_heap().usable_size(block), SizeClasses::size_of(entry.size_class()));
  process_heap().release(block);
}

TEST_F(SmallBlocksTest, AlignedBlocksComeFromSlabsWhereAClassIsAligned) {
  for (size_t align = 16; align <= SizeClasses::kMaxSize; align *= 2) {
    for (unsigned i = 0; i < SizeClasses::kCount; ++i) {
      if (const size_t size = SizeClasses::size_of(i); size % align == 0) {
        expect_aligned_slot(size, align);
        expect_aligned_slot(size - align + 1, align);
        expect_aligned_slot(size - 15, align);
      }
    }
    expect_aligned_slot(0, align);
  }
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

}  // namespace
}  // namespace talc
