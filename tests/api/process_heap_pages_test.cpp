// Tests of api/process_heap.hpp on kernels with large pages.
#include <gtest/gtest.h>
#include <string.h>

#include <random>
#include <vector>

#include "support/large_pages.hpp"
#include "support/sanitizers.hpp"
#include "talc/api/process_heap.hpp"

namespace talc {
namespace {

constexpr size_t kMiB = size_t{1} << 20;

template <class Kernel>
constinit BasicProcessHeap<Kernel> heap_on;

template <class Kernel>
class ProcessHeapPagesTest : public testing::Test {};

using PageSizes = testing::Types<LargePages<16384>, LargePages<65536>>;
TYPED_TEST_SUITE(ProcessHeapPagesTest, PageSizes);

TYPED_TEST(ProcessHeapPagesTest, AllocatesResizesTrimsAndReleases) {
  BasicProcessHeap<TypeParam>& heap = heap_on<TypeParam>;
  std::minstd_rand random(1);
  std::vector<std::pair<char*, size_t>> blocks;
  for (int step = 0; step < (kUnderSanitizer ? 500 : 5000); ++step) {
    const size_t size = random() % (step % 50 == 0 ? 20 * kMiB : 50000) + 1;
    if (blocks.size() < 100) {
      char* const block = static_cast<char*>(heap.allocate_zeroed(size, size_t{16} << step % 13));
      ASSERT_NE(block, nullptr);
      ASSERT_EQ(block[0] + block[size / 2] + block[size - 1], 0);
      blocks.emplace_back(block, size);
    } else {
      auto& [block, old_size] = blocks[random() % blocks.size()];
      ASSERT_EQ(block[old_size - 1], 'x');
      block[old_size - 1] = 0;
      if (step % 2 == 0) {
        block = static_cast<char*>(heap.reallocate(block, size));
        ASSERT_NE(block, nullptr);
      } else {
        heap.release(block);
        block = static_cast<char*>(heap.allocate(size, 16));
      }
      old_size = size;
    }
    for (auto& [block, block_size] : blocks) {
      block[block_size - 1] = 'x';
    }
    if (step % 100 == 0) {
      heap.trim(0);
    }
  }
  for (auto& [block, size] : blocks) {
    heap.release(block);
  }
  heap.trim(0);
  ProcessStats stats;
  heap.get_stats(stats);
  EXPECT_EQ(stats.allocations, stats.frees);
  EXPECT_EQ(stats.allocated, 0U);
  EXPECT_EQ(stats.huge_blocks, 0U);
  EXPECT_LE(stats.resident, 2 * kMiB);
}

// As the hardened library has them.
template <class Kernel>
class Guarded : public Kernel {
 public:
  static constexpr bool kGuardsGroups = true;
  static bool try_guard(Span pages) { return Kernel::set_accessible(pages, false); }
  static bool try_unguard(Span pages) { return Kernel::set_accessible(pages, true); }
};

TYPED_TEST(ProcessHeapPagesTest, AllOfABlockIsBelowTheGuard) {
  BasicProcessHeap<Guarded<TypeParam>>& heap = heap_on<Guarded<TypeParam>>;
  std::vector<void*> blocks;
  for (size_t bytes = 0; bytes < 8 * kMiB; bytes += 1000) {
    blocks.push_back(heap.allocate(1000, 16));
    ASSERT_NE(blocks.back(), nullptr);
    memset(blocks.back(), 'x', 1000);
  }
  for (void* const block : blocks) {
    heap.release(block);
  }
  heap.trim(0);
}

}  // namespace
}  // namespace talc
