// Tests of os/sealed_link.hpp: it leads where it was set, and no change of it goes unseen.
#include "talc/os/sealed_link.hpp"

#include <gtest/gtest.h>

namespace talc {
namespace {

struct Node {
  SealedLink<Node> link;
  size_t size;
};

class SealedLinkTest : public testing::Test {
 protected:
  SealedLinkTest() {
    Pages::learn_secret();
    a_.link.set(&b_, kSize);
    b_.link.set(nullptr, kSize);
  }

  static constexpr size_t kSize = 4096;
  Node a_{};
  Node b_{};
};

TEST_F(SealedLinkTest, LeadsWhereItWasSet) {
  EXPECT_EQ(a_.link.get(kSize), &b_);
  EXPECT_EQ(b_.link.get(kSize), nullptr);
}

using SealedLinkDeathTest = SealedLinkTest;

constexpr char kNamed[] = "^talc: corrupt free memory: 0x[0-9a-f]+\n$";

TEST_F(SealedLinkDeathTest, IsKnownByEachOfItsBytes) {
  for (size_t i = 0; i < sizeof a_.link; ++i) {
    EXPECT_DEATH(
        {
          reinterpret_cast<char*>(&a_)[i] ^= 8;
          (void)a_.link.get(kSize);
        },
        kNamed)
        << i;
  }
}

TEST_F(SealedLinkDeathTest, IsKnownByItsOwnersWord) {
  EXPECT_DEATH((void)a_.link.get(kSize + 4096), kNamed);
}

TEST_F(SealedLinkDeathTest, IsNotToBeCopied) {
  b_ = a_;
  EXPECT_DEATH((void)b_.link.get(kSize), kNamed);
}

}  // namespace
}  // namespace talc
