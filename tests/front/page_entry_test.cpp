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
  for (const unsigned arena : {0U, 1U, 63U}) {
    EXPECT_EQ(PageEntry::heap(arena).kind(), Kind::heap);
    EXPECT_EQ(PageEntry::heap(arena).arena(), arena);
  }
}

TEST(PageEntry, SlabsNameTheirOwnerAndTheirClass) {
  for (const unsigned arena : {0U, 1U, PageEntry::kMaxOwners - 1}) {
    for (unsigned size_class = 0; size_class < SizeClasses::kCount; ++size_class) {
      const PageEntry entry = PageEntry::small(arena, size_class);
      EXPECT_EQ(entry.kind(), Kind::small);
      EXPECT_EQ(entry.owner(), arena);
      EXPECT_EQ(entry.size_class(), size_class);
      EXPECT_EQ(entry.bits() - PageEntry::tag_of(arena), size_class * PageEntry::kClassStep);
    }
  }
}

TEST(PageEntry, ShortQuestionsAgreeWithTheKind) {
  const PageEntry entries[] = {PageEntry(),
                               PageEntry::returned(),
                               PageEntry::heap(0),
                               PageEntry::heap(PageEntry::kMaxOwners - 1),
                               PageEntry::small(0, 0),
                               PageEntry::small(PageEntry::kMaxOwners - 1, SizeClasses::kCount - 1),
                               PageEntry::huge(0, kGranuleSize),
                               PageEntry::huge(15, PageEntry::round_huge(~size_t{0} >> 2))};
  for (const PageEntry entry : entries) {
    EXPECT_EQ(entry.is_small(), entry.kind() == Kind::small) << entry.bits();
    EXPECT_EQ(entry.is_heap(), entry.kind() == Kind::heap) << entry.bits();
  }
}

TEST(PageEntry, OneComparisonTellsAnOwnersSlabsFromAllElse) {
  const auto is_of = [](uint32_t tag, PageEntry entry) {
    return entry.bits() - tag < PageEntry::kMagazineOffsets;
  };
  for (const uint32_t tag : {PageEntry::tag_of(0), PageEntry::tag_of(63), PageEntry::kNoTag}) {
    EXPECT_FALSE(is_of(tag, PageEntry()));
    EXPECT_FALSE(is_of(tag, PageEntry::returned()));
    EXPECT_FALSE(is_of(tag, PageEntry::heap(63)));
    EXPECT_FALSE(is_of(tag, PageEntry::huge(0, kGranuleSize)));
    EXPECT_FALSE(is_of(tag, PageEntry::huge(15, PageEntry::round_huge(~size_t{0} >> 2))));
    EXPECT_FALSE(is_of(tag, PageEntry::small(7, 0)));
    EXPECT_FALSE(is_of(tag, PageEntry::small(62, SizeClasses::kCount - 1)));
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
    EXPECT_EQ(PageEntry::round_huge(4096 * gib - kGranuleSize), 4096 * gib - kGranuleSize);
    EXPECT_EQ(PageEntry::round_huge(4096 * gib - 1), 4096 * gib);
    EXPECT_EQ(PageEntry::round_huge(4096 * gib + 1), 4097 * gib);
    EXPECT_EQ(PageEntry::huge(3, 4096 * gib).huge_length(), 4096 * gib);
  }
}

}  // namespace
}  // namespace talc
