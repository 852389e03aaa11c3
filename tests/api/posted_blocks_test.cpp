// Tests of api/posted_blocks.hpp: blocks of other arenas come home, and wait in bounded numbers.
#include "talc/api/posted_blocks.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>
#include <vector>

#include "api/process_blocks.hpp"
#include "support/sanitizers.hpp"

namespace talc {
namespace {

using PostedBlocksTest = ProcessBlocksTest;

TEST_F(PostedBlocksTest, AThreadThatOnlyReleasesKeepsLittle) {
  std::vector<Block> blocks;
  for (size_t i = 0; i < 40 * kMiB / 1024; ++i) {
    blocks.push_back(allocate(1024, 3));
  }
  std::thread([&] {
    for (const Block& block : blocks) {
      EXPECT_TRUE(release(block));
    }
    const ProcessStats now = stats();
    EXPECT_LE(now.in_transit, Outbox::kMaxBytes + 1024);
    EXPECT_LT(now.allocated, before_.allocated + kMiB);
  }).join();
}

TEST_F(PostedBlocksTest, MiddleBlocksTravelTogetherToo) {
  constexpr size_t kSize = 12 << 10;
  std::vector<Block> blocks;
  for (int i = 0; i < 300; ++i) {
    blocks.push_back(allocate(kSize, 3));
  }
  std::thread([&] {
    EXPECT_TRUE(release(allocate(100, 1)));  // for a cache
    size_t most_in_transit = 0;
    for (const Block& block : blocks) {
      EXPECT_TRUE(release(block));
      const ProcessStats now = stats();
      most_in_transit = std::max(most_in_transit, now.in_transit);
      EXPECT_EQ(now.mapped, now.active + now.metadata + now.retained);
    }
    EXPECT_GE(most_in_transit, 5 * kSize);
    EXPECT_LE(most_in_transit, Outbox::kMaxBytes + kSize);
    EXPECT_LT(stats().allocated, before_.allocated + kMiB);
  }).join();
}

TEST_F(PostedBlocksTest, AMiddleBlockOnItsWayIsFreedAlready) {
  if (kUnderTsan) {
    GTEST_SKIP() << "ThreadSanitizer remembers what mutexes were before the fork";
  }
  const Block block = allocate(20000, 1);
  EXPECT_DEATH(std::thread([&] {
                 release(allocate(100, 1));
                 release(block);
                 release(block);
               }).join(),
               "^talc: double free: 0x[0-9a-f]+\n$");
  EXPECT_TRUE(release(block));
}

}  // namespace
}  // namespace talc
