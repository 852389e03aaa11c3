// A test of the process heap that frees all that it allocates, and whose accounts are even at the end.
#pragma once

#include <gtest/gtest.h>

#include "support/process.hpp"
#include "talc/api/process_heap.hpp"

namespace talc {

inline ProcessStats stats() {
  ProcessStats out;
  process_heap().get_stats(out);
  return out;
}

class ProcessHeapTest : public testing::Test {
 protected:
  ~ProcessHeapTest() override {
    const ProcessStats now = stats();
    EXPECT_EQ(now.allocations - now.frees, before_.allocations - before_.frees);
    EXPECT_EQ(now.allocated, before_.allocated);
    EXPECT_EQ(now.mapped, now.active + now.metadata + now.retained);
  }

  ProcessHeap& heap_ = process_heap();
  const ProcessStats before_ = stats();
};

}  // namespace talc
