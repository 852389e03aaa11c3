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
    if (size <= SizeClasses::kMaxTableSize) {
      ASSERT_EQ(SizeClasses::scaled_class_of(size), expected * SizeClasses::kScale) << size;
    }
  }
}

TEST(SizeClasses, AboveTheStepsAtMostAFifthIsLost) {
  for (size_t size = 129; size <= SizeClasses::kMaxSize; ++size) {
    const size_t slot = SizeClasses::size_of(SizeClasses::class_of(size));
    ASSERT_LT((slot - size) * 5, slot) << size;
  }
}

TEST(SizeClasses, AlignedRequestsGetASlotWhoseMultiplesAreAligned) {
  for (size_t align = 16; align <= 4 * SizeClasses::kMaxSize; align *= 2) {
    for (size_t size = 0; size <= SizeClasses::kMaxSize; size += 13) {
      const unsigned found = SizeClasses::class_for(size, align);
      if (found == SizeClasses::kCount) {
        ASSERT_GT(align, SizeClasses::kMaxSize);
        continue;
      }
      ASSERT_GE(SizeClasses::size_of(found), size);
      ASSERT_EQ(SizeClasses::size_of(found) % align, 0U);
    }
  }
}

}  // namespace
}  // namespace talc
