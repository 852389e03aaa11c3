// Tests of front/page_entry.hpp: what goes into 32 bits comes out again.
#include "talc/front/page_entry.hpp"

#include <gtest/gtest.h>

namespace talc {
namespace {

using Kind = PageEntry::Kind;

TEST(PageEntry, ZeroBitsAreNobodys) {
  EXPECT_EQ(PageEntry().kind(), Kind::none);
  EXPECT_EQ(PageEntry().bits(), 0U);
  EXPECT_EQ(PageEntry::returned().kind(), Kind::returned);
}

TEST(PageEntry, HeapsNameTheirArena) {
  for (const unsigned arena : {0U, 1U, 63U, 255U}) {
    EXPECT_EQ(PageEntry::heap(arena).kind(), Kind::heap);
    EXPECT_EQ(PageEntry::heap(arena).arena(), arena);
  }
}

TEST(PageEntry, HugeBlocksKnowTheirPageAndLength) {
  for (const unsigned page : {0U, 1U, 15U}) {
    for (size_t size = 1; size != 0 && PageEntry::round_huge(size) != 0; size *= 3) {
      const size_t length = PageEntry::round_huge(size);
      const PageEntry entry = PageEntry::huge(page, length);
      EXPECT_EQ(entry.kind(), Kind::huge);
      EXPECT_EQ(entry.huge_page(), page);
      EXPECT_EQ(entry.huge_length(), length);
      if (size > ~size_t{0} / 3) {
        break;
      }
    }
  }
}

TEST(PageEntry, LengthsAreRoundedLittle) {
  EXPECT_EQ(PageEntry::round_huge(1), kGranuleSize);
  EXPECT_EQ(PageEntry::round_huge(kGranuleSize), kGranuleSize);
  EXPECT_EQ(PageEntry::round_huge(kGranuleSize + 1), 2 * kGranuleSize);
  EXPECT_EQ(PageEntry::round_huge(~size_t{0}), 0U);
  if constexpr (kWordBits == 64) {
    const size_t gib = size_t{1} << 30;
    EXPECT_EQ(PageEntry::round_huge(1024 * gib - kGranuleSize), 1024 * gib - kGranuleSize);
    EXPECT_EQ(PageEntry::round_huge(1024 * gib - 1), 1024 * gib);
    EXPECT_EQ(PageEntry::round_huge(1024 * gib + 1), 1025 * gib);
    EXPECT_EQ(PageEntry::huge(3, 1024 * gib).huge_length(), 1024 * gib);
  }
}

}  // namespace
}  // namespace talc
