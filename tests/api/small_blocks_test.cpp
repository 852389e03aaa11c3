// Tests of api/small_blocks.hpp through the process heap: whoever frees it, a block keeps its contents
// until then, and nobody touches it afterwards.
#include "talc/api/small_blocks.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include "api/process_blocks.hpp"
#include "support/sanitizers.hpp"
#include "support/threads.hpp"

namespace talc {
namespace {

using SmallBlocksTest = ProcessBlocksTest;

// And middle ones, of which the smaller travel together with small ones.
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
      const size_t size = random() % 8 == 0
                              ? SizeClasses::kMaxSize + random() % (2 * Outbox::kMaxSize)
                              : SizeClasses::size_of(size_class) - random() % 16;
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
