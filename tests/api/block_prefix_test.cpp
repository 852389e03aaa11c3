// Tests of api/block_prefix.hpp: sizes, states, and that no other word passes for a prefix.
#include "talc/api/block_prefix.hpp"

#include <gtest/gtest.h>

namespace talc {
namespace {

using State = BlockPrefix::State;

class BlockPrefixTest : public testing::Test {
 protected:
  alignas(16) char memory_[256] = {};
  void* const payload_ = memory_ + 64;
};

TEST_F(BlockPrefixTest, ChunksAreMultiplesOf16AndLoseNothingElse) {
  for (size_t size = 0; size < 5000; ++size) {
    const size_t usable = BlockPrefix::usable_for(size);
    EXPECT_GE(usable, size);
    EXPECT_EQ((usable + 2 * kWordSize) % 16, 0U);
    EXPECT_LT(usable - size, size < 16 ? 32U : 16U);
    EXPECT_EQ(BlockPrefix::usable_for(usable), usable);
  }
  EXPECT_EQ(BlockPrefix::usable_for(BlockPrefix::kMaxUsable), BlockPrefix::kMaxUsable);
}

TEST_F(BlockPrefixTest, RemembersSizeAndState) {
  for (const size_t size : {size_t{0}, size_t{1000}, BlockPrefix::kMaxUsable}) {
    const size_t usable = BlockPrefix::usable_for(size);
    for (const State state : {State::live, State::freed, State::waiting}) {
      BlockPrefix::write(payload_, usable, state);
      EXPECT_EQ(BlockPrefix::read(payload_).usable(), usable);
      EXPECT_EQ(BlockPrefix::read(payload_).state(), state);
      EXPECT_EQ(BlockPrefix::read(payload_).is_live(), state == State::live);
      EXPECT_EQ(BlockPrefix::live_size(payload_), state == State::live ? usable : 0);
    }
  }
}

TEST_F(BlockPrefixTest, HoldsForItsOwnAddressOnly) {
  BlockPrefix::write(payload_, 96, State::live);
  const size_t word = load_word(memory_ + 64 - kWordSize);
  for (size_t at = 16; at < 256; at += 16) {
    store_word(memory_ + at - kWordSize, word);
    EXPECT_EQ(BlockPrefix::read(memory_ + at).is_live(), at == 64);
  }
}

TEST_F(BlockPrefixTest, HoldsForItsOwnSizeAndStateOnly) {
  BlockPrefix::write(payload_, 96, State::live);
  const size_t word = load_word(memory_ + 64 - kWordSize);
  for (size_t bit = 0; bit < kWordBits; ++bit) {
    store_word(memory_ + 64 - kWordSize, word ^ size_t{1} << bit);
    EXPECT_EQ(BlockPrefix::read(payload_).state(), State::none) << bit;
    EXPECT_EQ(BlockPrefix::live_size(payload_), 0U) << bit;
  }
  const auto other_state = static_cast<size_t>(State::live) ^ static_cast<size_t>(State::freed);
  store_word(memory_ + 64 - kWordSize, word ^ other_state);
  EXPECT_EQ(BlockPrefix::read(payload_).state(), State::none);
}

TEST_F(BlockPrefixTest, OtherWordsAreNone) {
  for (const size_t word : {size_t{0}, address_of(memory_), ~size_t{0}, size_t{96} | 0b101}) {
    store_word(memory_ + 64 - kWordSize, word);
    EXPECT_FALSE(BlockPrefix::read(payload_).is_live());
  }
}

TEST_F(BlockPrefixTest, ChangesItsStateAndNothingElse) {
  BlockPrefix::write(payload_, 96, State::live);
  BlockPrefix::change(payload_, State::live, State::freed);
  EXPECT_EQ(BlockPrefix::read(payload_).state(), State::freed);
  EXPECT_EQ(BlockPrefix::read(payload_).usable(), 96U);
  store_word(memory_ + 64 - kWordSize, 0x4141414141414141 & ~size_t{0});
  BlockPrefix::change(payload_, State::freed, State::live);
  EXPECT_FALSE(BlockPrefix::read(payload_).is_live());  // what was overwritten is not mended
}

TEST_F(BlockPrefixTest, EndsOnce) {
  for (const State end : {State::waiting, State::freed}) {
    BlockPrefix::write(payload_, 96, State::live);
    EXPECT_TRUE(BlockPrefix::try_end(payload_, 96, end));
    EXPECT_EQ(BlockPrefix::read(payload_).state(), end);
    EXPECT_EQ(BlockPrefix::read(payload_).usable(), 96U);
    EXPECT_FALSE(BlockPrefix::try_end(payload_, 96, end));
  }
}

}  // namespace
}  // namespace talc
