// Tests of os/heap_placement.hpp: proposals are usable, far apart, and differ from process to
// process.
#include "talc/os/heap_placement.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include "support/sanitizers.hpp"
#include "talc/os/pages.hpp"

namespace talc {
namespace {

TEST(HeapPlacement, ProposesFreeAddressesFarApart) {
  if (kUnderTsan) {
    GTEST_SKIP() << "the kernel chooses under ThreadSanitizer";
  }
  char* const first = HeapPlacement::next();
  char* const second = HeapPlacement::next();
  EXPECT_TRUE(is_aligned(first, size_t{2} << 20));
  // Room for a heap of 100 GiB on 64 bits, of some MiB on 32.
  const size_t room = kWordBits == 64 ? size_t{100} << 30 % kWordBits : size_t{4} << 20;
  EXPECT_GE(static_cast<size_t>(second - first), room);
  for (char* const hint : {first, second}) {
    char* const mapped = Pages::map(hint, Pages::page_size());
    EXPECT_EQ(mapped, hint);
    Pages::unmap(Span::from_base_size(mapped, Pages::page_size()));
  }
}

TEST(HeapPlacement, WhatIsReturnedIsProposedAgain) {
  char* const first = HeapPlacement::next();
  HeapPlacement::return_last();
  EXPECT_EQ(HeapPlacement::next(), first);
}

TEST(HeapPlacement, SlotsRecurSoThatProposalsNeverLeaveTheRegion) {
  char* const first = HeapPlacement::next();
  for (size_t i = 1; i < HeapPlacement::kSlots; ++i) {
    HeapPlacement::next();
  }
  EXPECT_EQ(HeapPlacement::next(), first);
}

}  // namespace
}  // namespace talc
