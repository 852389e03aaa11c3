// Tests of base/bits.hpp: the scans by instruction and the portable ones agree with counting.
#include "talc/base/bits.hpp"

#include <gtest/gtest.h>

namespace talc {
namespace {

unsigned counted_trailing_zeros(size_t word) {
  unsigned count = 0;
  while (word % 2 == 0) {
    word /= 2;
    ++count;
  }
  return count;
}

unsigned counted_log2(size_t word) {
  unsigned log = 0;
  while (word > 1) {
    word /= 2;
    ++log;
  }
  return log;
}

void expect_scans(size_t word) {
  EXPECT_EQ(count_trailing_zeros(word), counted_trailing_zeros(word)) << word;
  EXPECT_EQ(portable::count_trailing_zeros(word), counted_trailing_zeros(word)) << word;
  EXPECT_EQ(floor_log2(word), counted_log2(word)) << word;
  EXPECT_EQ(portable::floor_log2(word), counted_log2(word)) << word;
}

TEST(Bits, EverySmallWord) {
  for (size_t word = 1; word < 5000; ++word) {
    expect_scans(word);
  }
}

TEST(Bits, EveryPairOfBits) {
  for (unsigned high = 0; high < kWordBits; ++high) {
    for (unsigned low = 0; low <= high; ++low) {
      expect_scans((size_t{1} << high) | (size_t{1} << low));
    }
    expect_scans(SIZE_MAX >> high);
    expect_scans(SIZE_MAX << high);
  }
}

static_assert(count_trailing_zeros(40) == 3 && floor_log2(40) == 5, "usable in constants");

}  // namespace
}  // namespace talc
