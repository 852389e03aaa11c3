// Blocks of the process heap that know their contents, and a fixture in whose end every byte is
// accounted for. For the tests of what ProcessHeap is made of.
#pragma once

#include <gtest/gtest.h>
#include <string.h>

#include "support/process.hpp"
#include "talc/api/process_heap.hpp"

namespace talc {

inline constexpr size_t kMiB = size_t{1} << 20;

inline ProcessStats stats() {
  ProcessStats out;
  process_heap().get_stats(out, ProcessHeap::Resident::skip);
  return out;
}

struct Block {
  unsigned char* bytes;
  size_t size;
  unsigned char mark;
};

inline Block allocate(size_t size, unsigned char mark) {
  auto* const bytes = static_cast<unsigned char*>(process_heap().allocate(size, 16));
  memset(bytes, mark, size);
  return {bytes, size, mark};
}

// Returns whether the block holds what allocate wrote.
inline bool release(const Block& block) {
  bool is_whole = true;
  for (size_t i = 0; i < block.size; ++i) {
    is_whole &= block.bytes[i] == block.mark;
  }
  process_heap().release(block.bytes);
  return is_whole;
}

class ProcessBlocksTest : public testing::Test {
 protected:
  ProcessBlocksTest() {
    process_heap().trim(0);
    before_ = stats();
  }
  // The threads of the test are gone and this one's cache is emptied: nothing is left anywhere.
  ~ProcessBlocksTest() override {
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

}  // namespace talc
