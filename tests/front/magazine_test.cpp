// Tests of front/magazine.hpp: what is put is taken, once, last first, through exchanges and changes
// of arrays.
#include "talc/front/magazine.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <vector>

namespace talc {
namespace {

void* block(size_t number) { return reinterpret_cast<void*>(number * 16); }

class MagazineTest : public testing::Test {
 protected:
  MagazineTest() { magazine_.begin_empty(); }

  void attach(unsigned capacity) {
    memory_.emplace_back(Magazine::array_bytes(capacity) / sizeof(void*));
    void* const old = magazine_.attach(memory_.back().data(), capacity, capacity_, spare_depth_);
    EXPECT_EQ(old, memory_.size() == 1 ? nullptr : memory_[memory_.size() - 2].data());
    capacity_ = capacity;
  }

  void exchange() { spare_depth_ = magazine_.exchange(spare_depth_, capacity_); }

  Magazine magazine_;
  unsigned capacity_ = 0;
  unsigned spare_depth_ = 0;
  std::vector<std::vector<void*>> memory_;
};

TEST(Magazine, OfNoCacheHasNothing) {
  Magazine magazine;
  EXPECT_EQ(magazine.take(), nullptr);
  EXPECT_EQ(magazine.taken(), 0U);
}

TEST_F(MagazineTest, WithoutArraysItHasNothingAndNoRoom) {
  EXPECT_EQ(magazine_.take(), nullptr);
  EXPECT_FALSE(magazine_.put(block(1)));
  EXPECT_EQ(magazine_.depth(0), 0U);
  EXPECT_EQ(magazine_.detach(), nullptr);
  EXPECT_EQ(magazine_.taken(), 0U);
}

TEST_F(MagazineTest, TakesWhatWasPutLastFirst) {
  attach(3);
  for (size_t i = 1; i <= 3; ++i) {
    EXPECT_TRUE(magazine_.put(block(i)));
    EXPECT_EQ(magazine_.depth(capacity_), i);
  }
  EXPECT_FALSE(magazine_.put(block(4)));
  for (size_t i = 3; i >= 1; --i) {
    EXPECT_EQ(magazine_.take(), block(i));
  }
  EXPECT_EQ(magazine_.take(), nullptr);
  EXPECT_EQ(magazine_.taken(), 3U);
}

TEST_F(MagazineTest, TheArraysChangePlaces) {
  attach(2);
  magazine_.put(block(1));
  magazine_.put(block(2));
  exchange();
  EXPECT_EQ(spare_depth_, 2U);
  EXPECT_EQ(magazine_.spare_begin(capacity_)[1], block(2));
  EXPECT_EQ(magazine_.take(), nullptr);
  EXPECT_TRUE(magazine_.put(block(3)));
  exchange();
  EXPECT_EQ(spare_depth_, 1U);
  EXPECT_FALSE(magazine_.put(block(4)));
  EXPECT_EQ(magazine_.take(), block(2));
  EXPECT_EQ(magazine_.take(), block(1));
  exchange();
  EXPECT_EQ(magazine_.take(), block(3));
}

TEST_F(MagazineTest, RefusesTheBlockThatIsOnTop) {
  attach(4);
  EXPECT_TRUE(magazine_.put(block(1)));
  EXPECT_FALSE(magazine_.put(block(1)));
  EXPECT_TRUE(magazine_.is_on_top(block(1)));
  EXPECT_TRUE(magazine_.put(block(2)));
  EXPECT_FALSE(magazine_.is_on_top(block(1)));
  EXPECT_EQ(magazine_.take(), block(2));
  EXPECT_FALSE(magazine_.put(block(1)));  // also when another one was put and taken meanwhile
}

TEST_F(MagazineTest, KeepsItsBlocksWhenItsArraysGrow) {
  attach(2);
  magazine_.put(block(1));
  magazine_.put(block(2));
  exchange();
  magazine_.put(block(3));
  attach(5);
  EXPECT_EQ(magazine_.depth(capacity_), 1U);
  EXPECT_EQ(magazine_.spare_begin(capacity_)[0], block(1));
  EXPECT_EQ(magazine_.spare_begin(capacity_)[1], block(2));
  for (size_t i = 4; i <= 7; ++i) {
    EXPECT_TRUE(magazine_.put(block(i)));
  }
  EXPECT_FALSE(magazine_.put(block(8)));
  EXPECT_EQ(magazine_.take(), block(7));
  EXPECT_EQ(magazine_.detach(), memory_.back().data());
  EXPECT_EQ(magazine_.take(), nullptr);
  EXPECT_FALSE(magazine_.put(block(8)));
}

TEST_F(MagazineTest, WhateverIsDoneEachBlockIsThereOnce) {
  std::mt19937 random(3);
  std::set<void*> inside;
  std::vector<void*> outside;
  for (size_t i = 1; i <= 100; ++i) {
    outside.push_back(block(i));
  }
  attach(1);
  for (int i = 0; i < 20000; ++i) {
    const auto choice = static_cast<unsigned>(random() % 20);
    if (choice < 9) {
      std::swap(outside[random() % outside.size()], outside.back());
      if (magazine_.put(outside.back())) {
        ASSERT_TRUE(inside.insert(outside.back()).second);
        outside.pop_back();
      }
    } else if (choice < 18) {
      if (void* const taken = magazine_.take()) {
        ASSERT_EQ(inside.erase(taken), 1U);
        outside.push_back(taken);
      }
    } else if (choice == 18) {
      exchange();
    } else if (random() % 100 == 0 && capacity_ < 30) {
      attach(capacity_ + static_cast<unsigned>(random() % 8));
    }
    ASSERT_EQ(magazine_.depth(capacity_) + spare_depth_, inside.size());
    void** const spare = magazine_.spare_begin(capacity_);
    ASSERT_TRUE(std::all_of(spare, spare + spare_depth_,
                            [&](void* there) { return inside.count(there) == 1; }));
  }
}

}  // namespace
}  // namespace talc
