// Tests of hard/quarantine.hpp: what goes in comes out once, not soon, and not in order.
#include "talc/hard/quarantine.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

namespace talc {
namespace {

using Entry = Quarantine::Entry;

class QuarantineTest : public testing::Test {
 protected:
  // Blocks are only names here.
  Entry block(size_t i) { return {names_.data() + i, 16 + i % 100 * 16}; }

  // Puts so many in, and returns those that came out.
  std::vector<void*> put(size_t count) {
    std::vector<void*> out;
    for (size_t i = 0; i < count; ++i) {
      if (void* const ptr = quarantine_.exchange(block(next_++)).ptr) {
        out.push_back(ptr);
      }
    }
    return out;
  }

  std::vector<char> names_ = std::vector<char>(100000);
  Quarantine quarantine_;
  size_t next_ = 0;
};

TEST_F(QuarantineTest, ABlockWaitsForAWholeRound) {
  EXPECT_TRUE(put(Quarantine::kDepth).empty());
  for (size_t i = 0; i < 2000; ++i) {
    for (void* const ptr : put(1)) {
      const auto age = next_ - static_cast<size_t>(static_cast<char*>(ptr) - names_.data());
      ASSERT_GT(age, Quarantine::kDepth);
    }
  }
}

TEST_F(QuarantineTest, EachComesOutOnceAndNotInOrder) {
  std::vector<void*> out = put(5000);
  EXPECT_FALSE(std::is_sorted(out.begin(), out.end()));
  EXPECT_EQ(quarantine_.count(), next_ - out.size());
  quarantine_.empty([&](Entry entry) { out.push_back(entry.ptr); });
  EXPECT_EQ(std::set<void*>(out.begin(), out.end()).size(), next_);
  EXPECT_EQ(out.size(), next_);
  EXPECT_EQ(quarantine_.count(), 0U);
  EXPECT_EQ(quarantine_.bytes(), 0U);
}

TEST_F(QuarantineTest, CountsItsBytes) {
  put(3);
  EXPECT_EQ(quarantine_.bytes(), block(0).usable + block(1).usable + block(2).usable);
}

TEST_F(QuarantineTest, SendsLargeBlocksBack) {
  const Entry large{names_.data(), Quarantine::kMaxBlock + 16};
  EXPECT_EQ(quarantine_.exchange(large).ptr, large.ptr);
  EXPECT_EQ(quarantine_.count(), 0U);
}

}  // namespace
}  // namespace talc
