// OneHeap: what tests of the operations on blocks begin with, an engine with one heap, for each way to
// configure it.
#pragma once

#include <gtest/gtest.h>

#include <memory>

#include "core/test_memory.hpp"
#include "talc/core/talc.hpp"
#include "talc/oom/err_on_oom.hpp"

namespace talc {

struct Usual {
  static constexpr Config kConfig{.counters = true};
};
struct WithoutQuickLists {
  static constexpr Config kConfig{.quick_lists = false, .counters = true};
};
struct NotCompact {
  static constexpr Config kConfig{.counters = true, .compact = false};
};
struct SparingTop {
  static constexpr Config kConfig{.counters = true, .spare_top = true, .compact = false};
};
struct SmallCode {
  static constexpr Config kConfig{
      .quick_lists = false, .counters = true, .compact = false, .small_code = true};
};
struct CoarseBins {
  static constexpr Config kConfig{.bins_per_doubling_log2 = 2, .counters = true};
};

// An engine with one heap.
template <class Variant>
class OneHeap : public testing::Test {
 protected:
  using Engine = Talc<ErrOnOom, Variant::kConfig>;

  // Begins anew.
  void claim(size_t bytes) {
    const Engine old(static_cast<Engine&&>(talc_));
    memory_ = std::make_unique<TestMemory>(bytes);
    heap_ = talc_.claim(memory_->span());
    ASSERT_TRUE(heap_.is_sized());
    available_before_ = talc_.get_counters().available_bytes;
  }

  char* malloc(size_t size, size_t align = 1) {
    return static_cast<char*>(talc_.malloc(size, align));
  }

  // Takes all that is left but for crumbs.
  void fill() {
    for (size_t size = heap_.size(); size != 0; size /= 2) {
      while (talc_.malloc(size, 1) != nullptr) {
      }
    }
  }

  // Everything has come back and is one gap again.
  void expect_all_free() {
    talc_.get_allocated_span(heap_);  // merges
    const Counters counters = talc_.get_counters();
    EXPECT_EQ(counters.live_allocations, 0U);
    EXPECT_EQ(counters.live_bytes, 0U);
    EXPECT_EQ(counters.available_bytes, available_before_);
    EXPECT_EQ(counters.gap_count, 1U);
    EXPECT_STREQ(talc_.find_fault(), nullptr);
  }

  std::unique_ptr<TestMemory> memory_;
  Engine talc_;
  Span heap_;
  size_t available_before_ = 0;
};

using Variants =
    testing::Types<Usual, WithoutQuickLists, NotCompact, SparingTop, CoarseBins, SmallCode>;

}  // namespace talc
