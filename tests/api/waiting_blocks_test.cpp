// Tests of api/waiting_blocks.hpp: what was left is taken, once, and what leads elsewhere is named.
#include "talc/api/waiting_blocks.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <thread>
#include <vector>

#include "support/sanitizers.hpp"
#include "support/threads.hpp"

namespace talc {
namespace {

struct alignas(16) Block {
  std::array<char, WaitingBlocks::kMinSize> bytes;
};

class WaitingBlocksTest : public testing::Test {
 protected:
  WaitingBlocksTest() : blocks_(8) { Pages::learn_secret(); }

  std::vector<void*> take_all() {
    std::vector<void*> taken;
    list_.take_all([&](void* block) { taken.push_back(block); });
    return taken;
  }
  void* at(size_t index) { return &blocks_[index]; }

  std::vector<Block> blocks_;
  WaitingBlocks list_;
};
using WaitingBlocksDeathTest = WaitingBlocksTest;

TEST_F(WaitingBlocksTest, WhatWasLeftIsTakenOnceTheLastFirst) {
  EXPECT_TRUE(list_.is_empty());
  list_.leave(at(0));
  WaitingBlocks::Chain chain;
  EXPECT_TRUE(chain.is_empty());
  for (const unsigned index : {1U, 2U, 3U}) {
    chain.add(at(index));
  }
  EXPECT_FALSE(chain.is_empty());
  list_.leave(chain);
  list_.leave(at(4));
  list_.leave(WaitingBlocks::Chain());
  std::vector<const void*> seen;
  list_.for_each([&](const void* block) { seen.push_back(block); });
  EXPECT_EQ(seen, (std::vector<const void*>{at(4), at(3), at(2), at(1), at(0)}));
  EXPECT_EQ(take_all(), (std::vector<void*>{at(4), at(3), at(2), at(1), at(0)}));
  EXPECT_TRUE(list_.is_empty());
  EXPECT_TRUE(take_all().empty());
}

TEST_F(WaitingBlocksTest, WhatIsForgottenIsGone) {
  list_.leave(at(0));
  list_.forget();
  EXPECT_TRUE(take_all().empty());
}

TEST_F(WaitingBlocksTest, ManyLeaveWhileOneTakes) {
  constexpr unsigned kThreads = 4;
  constexpr unsigned kChains = kUnderSanitizer ? 300 : 3000;
  constexpr unsigned kLength = 5;
  std::vector<Block> blocks(size_t{kThreads} * kChains * kLength);
  std::atomic<unsigned> ended{0};
  std::vector<void*> taken;
  run_threads(kThreads + 1, [&](unsigned thread) {
    if (thread == kThreads) {
      while (ended != kThreads || !list_.is_empty()) {
        list_.take_all([&](void* block) { taken.push_back(block); });
      }
      return;
    }
    Block* next = &blocks[size_t{thread} * kChains * kLength];
    for (unsigned i = 0; i < kChains; ++i) {
      WaitingBlocks::Chain chain;
      for (unsigned k = 0; k < kLength; ++k) {
        chain.add(next++);
      }
      list_.leave(chain);
    }
    ended += 1;
  });
  std::sort(taken.begin(), taken.end());
  ASSERT_EQ(taken.size(), blocks.size());
  for (size_t i = 0; i < taken.size(); ++i) {
    ASSERT_EQ(taken[i], &blocks[i]);
  }
}

TEST_F(WaitingBlocksDeathTest, TheFirstOneAddedTwiceIsNamed) {
  WaitingBlocks::Chain chain;
  for (const unsigned index : {0U, 1U, 0U}) {
    chain.add(at(index));
  }
  EXPECT_DEATH(list_.leave(chain), "^talc: double free: 0x[0-9a-f]+\n$");
}

// It leads in a circle: whoever takes one of them for the second time sees it.
TEST_F(WaitingBlocksTest, AnotherOneAddedTwiceComesTwice) {
  WaitingBlocks::Chain chain;
  for (const unsigned index : {0U, 1U, 2U, 1U}) {
    chain.add(at(index));
  }
  list_.leave(chain);
  std::vector<void*> taken;
  struct Enough {};
  EXPECT_THROW(list_.take_all([&](void* block) {
    if (std::find(taken.begin(), taken.end(), block) != taken.end()) {
      throw Enough();
    }
    taken.push_back(block);
  }),
               Enough);
  EXPECT_EQ(taken, (std::vector<void*>{at(1), at(2)}));
}

TEST_F(WaitingBlocksDeathTest, AWriteIntoOneIsNamed) {
  list_.leave(at(0));
  list_.leave(at(1));
  blocks_[1].bytes[0] = static_cast<char>(blocks_[1].bytes[0] ^ 1);
  EXPECT_DEATH(list_.take_all([](void*) {}), "^talc: corrupt free memory: 0x[0-9a-f]+\n$");
}

}  // namespace
}  // namespace talc
