// Tests of api/reserve.hpp: it is counted, given up whole, and had again when there is room.
#include "talc/api/reserve.hpp"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "support/flaky_pages.hpp"

namespace talc {
namespace {

struct Tag;
using Kernel = FlakyPages<Tag>;
using Sums = Footprint<Kernel>;

constexpr size_t kMiB = size_t{1} << 20;

class ReserveTest : public testing::Test {
 protected:
  ~ReserveTest() override {
    Kernel::allow_all();
    settings.heap_limit = Settings::kUnlimited;
    reserve_.set(0);
    EXPECT_EQ(Sums::mapped_bytes(), 0U);
  }
  Reserve<Kernel> reserve_;
};

TEST_F(ReserveTest, IsMappedAheadAndNotTouched) {
  EXPECT_EQ(reserve_.give_up(), 0U);
  EXPECT_TRUE(reserve_.set(10 * kMiB - 5));
  EXPECT_EQ(reserve_.held_bytes(), 10 * kMiB);
  EXPECT_EQ(Sums::mapped_bytes(), 10 * kMiB);
  EXPECT_TRUE(reserve_.refill());
  EXPECT_EQ(Sums::mapped_bytes(), 10 * kMiB);
  EXPECT_EQ(reserve_.give_up(), 10 * kMiB);
  EXPECT_EQ(reserve_.give_up(), 0U);
  EXPECT_EQ(Sums::mapped_bytes(), 0U);
  EXPECT_TRUE(reserve_.refill());
  EXPECT_EQ(reserve_.held_bytes(), 10 * kMiB);
  EXPECT_TRUE(reserve_.set(kMiB));
  EXPECT_EQ(Sums::mapped_bytes(), kMiB);
  EXPECT_TRUE(reserve_.set(0));
  EXPECT_EQ(Sums::mapped_bytes(), 0U);
  EXPECT_TRUE(reserve_.refill());
  EXPECT_EQ(Sums::mapped_bytes(), 0U);
}

TEST_F(ReserveTest, WaitsForRoom) {
  settings.heap_limit = 5 * kMiB;
  EXPECT_FALSE(reserve_.set(6 * kMiB));
  EXPECT_EQ(Sums::mapped_bytes(), 0U);
  settings.heap_limit = 6 * kMiB;
  EXPECT_TRUE(reserve_.refill());
  reserve_.give_up();
  Kernel::maps_left = 0;
  EXPECT_FALSE(reserve_.refill());
  EXPECT_EQ(Sums::mapped_bytes(), 0U);
  Kernel::allow_all();
  EXPECT_TRUE(reserve_.refill());
  EXPECT_FALSE(reserve_.set(~size_t{0}));
  EXPECT_EQ(reserve_.held_bytes(), 6 * kMiB);
}

TEST_F(ReserveTest, StaysWhereTheKernelDoesNotTakeIt) {
  EXPECT_TRUE(reserve_.set(kMiB));
  Kernel::unmaps_left = 0;
  EXPECT_EQ(reserve_.give_up(), 0U);
  EXPECT_EQ(reserve_.held_bytes(), kMiB);
  EXPECT_EQ(Sums::mapped_bytes(), kMiB);
}

TEST_F(ReserveTest, IsOneHoweverManyAreAtIt) {
  std::vector<std::thread> threads;
  for (size_t i = 0; i < 4; ++i) {
    threads.emplace_back([this, i] {
      for (int round = 0; round < 2000; ++round) {
        i < 2 ? reserve_.set((1 + i) * kMiB) : i == 2 ? reserve_.give_up() != 0 : reserve_.refill();
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_TRUE(reserve_.refill());
  EXPECT_EQ(reserve_.held_bytes(), reserve_.wanted_bytes());
  EXPECT_EQ(Sums::mapped_bytes(), reserve_.wanted_bytes());
}

}  // namespace
}  // namespace talc
