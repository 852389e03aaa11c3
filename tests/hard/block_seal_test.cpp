// Tests of hard/block_seal.hpp: what a seal tells, and what breaks it.
#include "talc/hard/block_seal.hpp"

#include <gtest/gtest.h>

#include <cstring>

namespace talc {
namespace {

class BlockSealTest : public testing::Test {
 protected:
  BlockSealTest() { Pages::learn_secret(); }

  BlockSeal seal() { return BlockSeal(memory_, sizeof memory_); }
  BlockSeal::State state() {
    size_ = 0;
    return seal().read(size_);
  }

  alignas(16) char memory_[128] = {};
  size_t size_ = 0;
};

TEST_F(BlockSealTest, TellsTheSizeAndThatTheBlockIsLive) {
  for (size_t size = 0; size <= sizeof memory_ - BlockSeal::kBytes; ++size) {
    seal().write(size);
    ASSERT_EQ(state(), BlockSeal::State::live) << size;
    ASSERT_EQ(size_, size);
    ASSERT_TRUE(seal().is_padding_intact(size));
  }
}

TEST_F(BlockSealTest, WhatWasNeverSealedIsNone) {
  EXPECT_EQ(state(), BlockSeal::State::none);
  memset(memory_, 0x41, sizeof memory_);
  EXPECT_EQ(state(), BlockSeal::State::none);
}

TEST_F(BlockSealTest, IsFreedOnce) {
  seal().write(100);
  EXPECT_TRUE(seal().try_free(100));
  EXPECT_EQ(state(), BlockSeal::State::freed);
  EXPECT_EQ(size_, 100U);
  EXPECT_FALSE(seal().try_free(100));
  seal().write(90);
  EXPECT_EQ(state(), BlockSeal::State::live);
}

TEST_F(BlockSealTest, AnyBitOfItMatters) {
  for (size_t bit = 0; bit < 8 * BlockSeal::kBytes; ++bit) {
    seal().write(100);
    memory_[sizeof memory_ - 1 - bit / 8] ^= static_cast<char>(1 << bit % 8);
    ASSERT_EQ(state(), BlockSeal::State::none) << bit;
  }
}

TEST_F(BlockSealTest, AByteOfThePaddingMatters) {
  for (size_t at = 70; at < sizeof memory_ - BlockSeal::kBytes; ++at) {
    seal().write(70);
    memory_[at] ^= 1;
    ASSERT_EQ(state(), BlockSeal::State::live);
    ASSERT_FALSE(seal().is_padding_intact(70)) << at;
  }
}

TEST_F(BlockSealTest, IsWorthNothingAtAnotherAddress) {
  alignas(16) char elsewhere[sizeof memory_];
  seal().write(64);
  memcpy(elsewhere, memory_, sizeof elsewhere);
  size_t size = 0;
  EXPECT_EQ(BlockSeal(elsewhere, sizeof elsewhere).read(size), BlockSeal::State::none);
}

}  // namespace
}  // namespace talc
