// A test of how many mappings api/process_heap.hpp makes. Alone in its process: with 32 bits the heaps of other
// tests, of which each has a place of 8 MiB, stand in the way of one that grows, and it goes on elsewhere.
#include <gtest/gtest.h>

#include <vector>

#include "process_heap_fixture.hpp"
#include "support/proc_maps.hpp"
#include "support/sanitizers.hpp"

namespace talc {
namespace {

TEST_F(ProcessHeapTest, ManyBlocksNeedFewMappings) {
  const size_t mappings = count_mappings();
  constexpr size_t kCount = kUnderSanitizer ? 5000 : 400000;
  std::vector<void*> blocks;
  blocks.reserve(kCount);
  for (size_t i = 0; i < kCount; ++i) {
    blocks.push_back(heap_.allocate(i % 5000 == 0 ? 300 * size_t{1024} : i % 700, 16));
  }
  EXPECT_LE(count_mappings(), mappings + (kUnderSanitizer ? 40 : 4));
  for (void* const block : blocks) {
    heap_.release(block);
  }
}

}  // namespace
}  // namespace talc
