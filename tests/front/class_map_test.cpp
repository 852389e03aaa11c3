// Tests of front/class_map.hpp: sizes are served by coarse classes, and by fine ones once sharpened.
#include "talc/front/class_map.hpp"

#include <gtest/gtest.h>

namespace talc {
namespace {

// Every test has a map of its own.
template <int kTest>
struct Tag;
template <int kTest>
using Map = ClassMap<Tag<kTest>>;

TEST(ClassMap, AtFirstTheCoarseClassesServe) {
  for (size_t size = 0; size <= SizeClasses::kMaxSize; ++size) {
    const unsigned expected = SizeClasses::coarse_of(SizeClasses::class_of(size));
    ASSERT_EQ(Map<0>::class_of(size), expected) << size;
    ASSERT_EQ(Map<0>::scaled_class_of(size), expected * SizeClasses::kScale) << size;
  }
}

TEST(ClassMap, SharpeningOneLeavesTheOthersAsTheyAre) {
  const unsigned coarse = SizeClasses::class_of(448);
  Map<1>::sharpen(coarse);
  EXPECT_EQ(SizeClasses::size_of(Map<1>::class_of(392)), 400U);
  EXPECT_EQ(SizeClasses::size_of(Map<1>::class_of(400)), 400U);
  EXPECT_EQ(SizeClasses::size_of(Map<1>::class_of(401)), 416U);
  EXPECT_EQ(SizeClasses::size_of(Map<1>::class_of(448)), 448U);
  EXPECT_EQ(SizeClasses::size_of(Map<1>::class_of(449)), 512U);
  EXPECT_EQ(SizeClasses::size_of(Map<1>::class_of(384)), 384U);
  EXPECT_EQ(SizeClasses::size_of(Map<1>::class_of(330)), 384U);
}

TEST(ClassMap, AllCanBeSharpenedAndMoreThanOnce) {
  for (int i = 0; i < 2; ++i) {
    for (unsigned size_class = 0; size_class < SizeClasses::kCount; ++size_class) {
      Map<2>::sharpen(size_class);
    }
    for (size_t size = 0; size <= SizeClasses::kMaxSize; ++size) {
      ASSERT_EQ(Map<2>::class_of(size), SizeClasses::class_of(size)) << size;
    }
  }
}

template <class AMap>
void expect_aligned() {
  for (size_t align = 16; align <= 4 * SizeClasses::kMaxSize; align *= 2) {
    for (size_t size = 0; size <= SizeClasses::kMaxSize; size += 13) {
      const unsigned found = AMap::class_for(size, align);
      if (found == SizeClasses::kCount) {
        ASSERT_GT(align, SizeClasses::kMaxSize);
        continue;
      }
      ASSERT_GE(SizeClasses::size_of(found), size);
      ASSERT_EQ(SizeClasses::size_of(found) % align, 0U);
    }
  }
  EXPECT_EQ(AMap::class_for(1, ~(~size_t{0} >> 1)), SizeClasses::kCount);
}

TEST(ClassMap, AlignedRequestsGetASlotWhoseMultiplesAreAligned) {
  expect_aligned<Map<3>>();
  for (unsigned size_class = 0; size_class < SizeClasses::kCount; ++size_class) {
    Map<3>::sharpen(size_class);
  }
  expect_aligned<Map<3>>();
}

}  // namespace
}  // namespace talc
