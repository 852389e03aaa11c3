// Tests of front/magazine.hpp: what is put is taken, once, through swaps and changes of arrays.
#include "talc/front/magazine.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace talc {
namespace {

void* block(size_t number) { return reinterpret_cast<void*>(number * 16); }

class MagazineTest : public testing::Test {
 protected:
  void attach(unsigned capacity) {
    memory_.emplace_back(Magazine::array_bytes(capacity) / sizeof(void*));
    void* const old = magazine_.attach(memory_.back().data(), capacity, capacity_);
    EXPECT_EQ(old, memory_.size() == 1 ? nullptr : memory_[memory_.size() - 2].data());
    capacity_ = capacity;
  }

  Magazine magazine_;
  unsigned capacity_ = 0;
  std::vector<std::vector<void*>> memory_;
};

TEST_F(MagazineTest, WithoutArraysItHasNothingAndNoRoom) {
  EXPECT_EQ(magazine_.take(), nullptr);
  EXPECT_FALSE(magazine_.put(block(1)));
  EXPECT_EQ(magazine_.take_depth(), 0U);
  EXPECT_EQ(magazine_.put_depth(0), 0U);
  EXPECT_EQ(magazine_.detach(0), nullptr);
}

TEST_F(MagazineTest, TakesWhatWasPutAfterASwapLastFirst) {
  attach(3);
  for (size_t i = 1; i <= 3; ++i) {
    EXPECT_TRUE(magazine_.put(block(i)));
  }
  EXPECT_FALSE(magazine_.put(block(4)));
  EXPECT_EQ(magazine_.take(), nullptr);
  magazine_.swap(capacity_);
  EXPECT_TRUE(magazine_.put(block(4)));
  for (size_t i = 3; i >= 1; --i) {
    EXPECT_EQ(magazine_.take(), block(i));
  }
  EXPECT_EQ(magazine_.take(), nullptr);
  magazine_.swap(capacity_);
  EXPECT_EQ(magazine_.take(), block(4));
  EXPECT_EQ(magazine_.put_depth(capacity_), 0U);
}

TEST_F(MagazineTest, RefusesTheBlockThatWasPutLast) {
  attach(4);
  EXPECT_TRUE(magazine_.put(block(1)));
  EXPECT_FALSE(magazine_.put(block(1)));
  EXPECT_TRUE(magazine_.was_put_last(block(1)));
  EXPECT_TRUE(magazine_.put(block(2)));
  EXPECT_FALSE(magazine_.was_put_last(block(1)));
}

TEST_F(MagazineTest, KeepsItsBlocksWhenItsArraysGrow) {
  attach(2);
  magazine_.put(block(1));
  magazine_.put(block(2));
  magazine_.swap(capacity_);
  magazine_.put(block(3));
  attach(5);
  EXPECT_EQ(magazine_.take_depth(), 2U);
  EXPECT_EQ(magazine_.put_depth(capacity_), 1U);
  EXPECT_EQ(magazine_.put_begin(capacity_)[0], block(3));
  EXPECT_EQ(magazine_.take(), block(2));
  for (size_t i = 4; i <= 7; ++i) {
    EXPECT_TRUE(magazine_.put(block(i)));
  }
  EXPECT_FALSE(magazine_.put(block(8)));
  EXPECT_EQ(magazine_.take(), block(1));
  EXPECT_EQ(magazine_.take(), nullptr);
  EXPECT_EQ(magazine_.detach(capacity_), memory_.back().data());
  EXPECT_EQ(magazine_.take(), nullptr);
}

}  // namespace
}  // namespace talc
