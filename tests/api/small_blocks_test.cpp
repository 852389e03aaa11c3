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

}  // namespace
}  // namespace talc
