// Tests of front/size_classes.hpp: every size has the smallest class that holds it.
#include "talc/front/size_classes.hpp"

#include <gtest/gtest.h>

namespace talc {
namespace {

TEST(SizeClasses, GrowAndAreMultiplesOfSixteen) {
  size_t previous = 0;
  for (unsigned i = 0; i < SizeClasses::kCount; ++i) {
    const size_t size = SizeClasses::size_of(i);
    EXPECT_GT(size, previous);
    EXPECT_EQ(size % 16, 0U);
    previous = size;
  }
  EXPECT_EQ(previous, SizeClasses::kMaxSize);
}

TEST(SizeClasses, EverySizeGetsTheSmallestThatHoldsIt) {
  unsigned expected = 0;
  for (size_t size = 0; size <= SizeClasses::kMaxSize; ++size) {
    expected += size > SizeClasses::size_of(expected);
    ASSERT_EQ(SizeClasses::class_of(size), expected) << size;
  }
}

TEST(SizeClasses, FifteenBytesOrAThirtyThirdAreLostAtMost) {
  for (size_t size = 1; size <= SizeClasses::kMaxSize; ++size) {
    const size_t lost = SizeClasses::size_of(SizeClasses::class_of(size)) - size;
    ASSERT_TRUE(lost < 16 || lost * 33 < size + lost) << size;
  }
}

TEST(SizeClasses, OfTheCoarseOnesAFifthAndOfLargeOnesANinth) {
  for (size_t size = 129; size <= SizeClasses::kMaxSize; ++size) {
    const size_t slot = SizeClasses::size_of(SizeClasses::coarse_of(SizeClasses::class_of(size)));
    ASSERT_GE(slot, size);
    ASSERT_LT((slot - size) * (size <= 512 ? 5 : 9), slot) << size;
  }
}

TEST(SizeClasses, ACoarseClassIsItsOwn) {
  unsigned count = 0;
  for (unsigned i = 0; i < SizeClasses::kCount; ++i) {
    const unsigned coarse = SizeClasses::coarse_of(i);
    EXPECT_GE(coarse, i);
    EXPECT_EQ(SizeClasses::coarse_of(coarse), coarse);
    count += coarse == i ? 1 : 0;
  }
  EXPECT_EQ(count, 8U + 2 * 4 + 4 * 8);
}

// A slot of the coarse class may serve an aligned request for a class below it.
TEST(SizeClasses, ACoarseClassIsAlignedAsThoseBelowIt) {
  for (unsigned i = 0; i < SizeClasses::kCount; ++i) {
    const size_t size = SizeClasses::size_of(i);
    const size_t align = size & (~size + 1);
    EXPECT_EQ(SizeClasses::size_of(SizeClasses::coarse_of(i)) % align, 0U) << size;
  }
}

TEST(SizeClasses, ReciprocalsDivideExactly) {
  for (unsigned i = 0; i < SizeClasses::kCount; ++i) {
    size_t next_multiple = 0;
    for (size_t offset = 0; offset < size_t{1} << 18; ++offset) {
      const bool is_multiple = offset == next_multiple;
      ASSERT_EQ(SizeClasses::is_multiple(offset, i), is_multiple) << offset << ", class " << i;
      next_multiple += is_multiple ? SizeClasses::size_of(i) : 0;
    }
  }
}

}  // namespace
}  // namespace talc
