// Tests of oom/claim_on_oom.hpp: a constant engine claims its memory once, when it is first needed.
#include "talc/oom/claim_on_oom.hpp"

#include <gtest/gtest.h>

#include "talc/core/talc.hpp"

namespace talc {
namespace {

using ClaimingTalc = Talc<ClaimOnOom, Config{.counters = true}>;

static_assert(OomHandlerFor<ClaimOnOom, ClaimingTalc>);

alignas(size_t) char static_memory[10000];
constinit ClaimingTalc constant_talc{ClaimOnOom{Span::from_array(static_memory)}};

// Runs before main and, in this file, before any dynamic initialisation that could have set it up.
void* const early_block = constant_talc.malloc(100, 8);

TEST(ClaimOnOom, ServesBeforeMainFromAConstant) {
  ASSERT_NE(early_block, nullptr);
  EXPECT_TRUE(Span::from_array(static_memory).contains(early_block));
  EXPECT_TRUE(constant_talc.oom_handler.unclaimed().is_empty());
  EXPECT_EQ(constant_talc.get_counters().total_heaps, 1U);
}

TEST(ClaimOnOom, ClaimsNothingBeforeItIsNeeded) {
  alignas(size_t) char memory[4000] = {};
  ClaimingTalc talc{ClaimOnOom{Span::from_array(memory)}};
  alignas(size_t) char other[2000];
  talc.claim(Span::from_array(other));
  EXPECT_NE(talc.malloc(100, 8), nullptr);
  EXPECT_EQ(talc.oom_handler.unclaimed(), Span::from_array(memory));
  EXPECT_EQ(talc.get_counters().heap_count, 1U);

  EXPECT_NE(talc.malloc(2500, 8), nullptr);
  EXPECT_EQ(talc.get_counters().heap_count, 2U);
}

TEST(ClaimOnOom, ClaimsOnceThenFails) {
  alignas(size_t) char memory[4000];
  ClaimingTalc talc{ClaimOnOom{Span::from_array(memory)}};
  EXPECT_EQ(talc.malloc(5000, 8), nullptr) << "claimed, and still too little";
  EXPECT_EQ(talc.get_counters().total_heaps, 1U);
  EXPECT_EQ(talc.malloc(5000, 8), nullptr);
  EXPECT_EQ(talc.get_counters().total_heaps, 1U);
  EXPECT_NE(talc.malloc(2000, 8), nullptr);
  EXPECT_EQ(talc.find_fault(), nullptr);
}

TEST(ClaimOnOom, MemoryTooSmallForAHeapFails) {
  alignas(size_t) char memory[16];
  ClaimingTalc talc{ClaimOnOom{Span::from_array(memory)}};
  EXPECT_EQ(talc.malloc(1, 1), nullptr);
  EXPECT_EQ(talc.get_counters().total_heaps, 0U);

  ClaimingTalc without{ClaimOnOom{Span()}};
  EXPECT_EQ(without.malloc(1, 1), nullptr);
}

TEST(ClaimOnOom, MovesWithItsTalc) {
  alignas(size_t) char memory[4000];
  ClaimingTalc first{ClaimOnOom{Span::from_array(memory)}};
  ClaimingTalc second(static_cast<ClaimingTalc&&>(first));
  void* const block = second.malloc(100, 8);
  ASSERT_NE(block, nullptr);
  EXPECT_TRUE(Span::from_array(memory).contains(block));
  ClaimingTalc third(static_cast<ClaimingTalc&&>(second));
  third.free(block, 100);
  EXPECT_EQ(third.get_counters().live_allocations, 0U);
  EXPECT_EQ(third.find_fault(), nullptr);
}

}  // namespace
}  // namespace talc
