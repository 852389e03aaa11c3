// Tests of base/word.hpp: alignment of sizes, addresses and pointers.
#include "talc/base/word.hpp"

#include <gtest/gtest.h>

namespace talc {
namespace {

TEST(Word, PowersOfTwo) {
  EXPECT_FALSE(is_power_of_two(0));
  for (unsigned bit = 0; bit < kWordBits; ++bit) {
    const size_t power = size_t{1} << bit;
    EXPECT_TRUE(is_power_of_two(power));
    EXPECT_EQ(is_power_of_two(power + 1), power == 1) << power;
    EXPECT_FALSE(is_power_of_two(power | (power << 1) | 1) && bit > 0);
  }
}

TEST(Word, AlignmentOfSizes) {
  for (size_t align = 1; align <= 64; align *= 2) {
    for (size_t value = 0; value < 300; ++value) {
      size_t up = value;
      while (up % align != 0) {
        ++up;
      }
      EXPECT_EQ(align_up(value, align), up);
      EXPECT_EQ(align_down(value, align), value / align * align);
      EXPECT_EQ(is_aligned(value, align), value % align == 0);
    }
  }
}

TEST(Word, AlignUpWrapsAtTheEndOfTheAddressSpace) {
  EXPECT_EQ(align_up(SIZE_MAX, 8), 0U);
  EXPECT_EQ(align_up(SIZE_MAX - 7, 8), SIZE_MAX - 7);
}

TEST(Word, AlignmentOfPointersKeepsThemInTheirObject) {
  alignas(64) char memory[128];
  for (size_t offset = 0; offset <= 64; ++offset) {
    char* const up = align_up(memory + offset, 64);
    EXPECT_EQ(up, memory + (offset == 0 ? 0 : 64));
    EXPECT_EQ(align_down(memory + offset, 64), memory + (offset < 64 ? 0 : 64));
    EXPECT_EQ(is_aligned(memory + offset, 64), offset % 64 == 0);
  }
}

}  // namespace
}  // namespace talc
