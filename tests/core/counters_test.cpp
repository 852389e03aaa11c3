// Tests of core/counters.hpp: the derived values.
#include "talc/core/counters.hpp"

#include <gtest/gtest.h>

namespace talc {
namespace {

TEST(Counters, DeriveWhatIsNotCounted) {
  Counters counters;
  counters.live_allocations = 3;
  counters.total_allocations = 17;
  counters.live_bytes = 100;
  counters.total_bytes = 2000;
  counters.available_bytes = 5000;
  counters.heap_count = 2;
  counters.total_heaps = 7;
  counters.claimed_bytes = 10000;
  counters.total_claimed_bytes = 45000;
  EXPECT_EQ(counters.overhead_bytes(), 10000U - 5000U - 100U);
  EXPECT_EQ(counters.freed_allocations(), 14U);
  EXPECT_EQ(counters.freed_bytes(), 1900U);
  EXPECT_EQ(counters.released_heaps(), 5U);
  EXPECT_EQ(counters.released_bytes(), 35000U);
}

TEST(Counters, StartAtNothing) {
  constexpr Counters kNothing;
  EXPECT_EQ(kNothing, Counters{});
  EXPECT_EQ(kNothing.overhead_bytes(), 0U);
  EXPECT_EQ(kNothing.freed_allocations() + kNothing.freed_bytes(), 0U);
  EXPECT_EQ(kNothing.released_heaps() + kNothing.released_bytes(), 0U);
}

}  // namespace
}  // namespace talc
