// Tests of os/heap_placement.hpp: proposals are usable, far apart, and differ from process to
// process.
#include "talc/os/heap_placement.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <vector>

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
  EXPECT_EQ(first, HeapPlacement::start());
  EXPECT_TRUE(is_aligned(first, size_t{2} << 20));
  EXPECT_EQ(static_cast<size_t>(second - first), HeapPlacement::kNearBytes / 2);
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

TEST(HeapPlacement, TheFirstAreNearAndAllAreApart) {
  if (kUnderTsan) {
    GTEST_SKIP() << "the kernel chooses under ThreadSanitizer";
  }
  char* const first = HeapPlacement::next();
  std::vector<char*> places = {first};
  for (size_t i = 1; i < HeapPlacement::kSlots; ++i) {
    places.push_back(HeapPlacement::next());
  }
  EXPECT_EQ(HeapPlacement::next(), first);  // they recur
  std::sort(places.begin(), places.end());
  char* const near_acme = HeapPlacement::start() + HeapPlacement::kNearBytes;
  EXPECT_EQ(static_cast<size_t>(std::lower_bound(places.begin(), places.end(), near_acme) -
                                places.begin()),
            HeapPlacement::kNearSlots);
  // Room for 1 GiB each on 64 bits, and for 100 further away; for some MiB on 32.
  for (size_t i = 1; i < places.size(); ++i) {
    const bool is_near = i <= HeapPlacement::kNearSlots;
    const size_t room =
        kWordBits == 64 ? size_t{is_near ? 1U : 100U} << 30 % kWordBits : size_t{3} << 20;
    EXPECT_GE(static_cast<size_t>(places[i] - places[i - 1]), room);
  }
}

}  // namespace
}  // namespace talc
