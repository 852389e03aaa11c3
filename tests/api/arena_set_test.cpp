// Tests of api/arena_set.hpp: who visits which arena, and when a new one is begun.
#include "talc/api/arena_set.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <latch>
#include <thread>
#include <vector>

#include "support/flaky_pages.hpp"
#include "support/threads.hpp"

namespace talc {
namespace {

struct Tag;
using Set = ArenaSet<FlakyPages<Tag>>;

// Arenas that are begun for threads that find none free.
unsigned worthwhile() { return std::clamp(cpu_count(), 2U, 48U); }

class ArenaSetTest : public testing::Test {
 protected:
  void SetUp() override { ThreadNote::set_arena(0); }
  ~ArenaSetTest() override { ThreadNote::set_arena(0); }

  Set arenas_;
};

TEST_F(ArenaSetTest, OneArenaServesOneThreadAfterAnother) {
  for (int i = 0; i < 10; ++i) {
    std::thread([&] { EXPECT_TRUE(arenas_.visit()); }).join();
  }
  EXPECT_TRUE(arenas_.visit());
  EXPECT_EQ(arenas_.count(), 1U);
}

TEST_F(ArenaSetTest, AThreadThatFindsItsArenaTakenMovesAndStays) {
  const auto visit = arenas_.visit();
  std::thread([&] {
    EXPECT_TRUE(arenas_.visit());
    EXPECT_EQ(ThreadNote::arena(), 1U);
    EXPECT_TRUE(arenas_.visit());
    EXPECT_EQ(ThreadNote::arena(), 1U);
  }).join();
  EXPECT_EQ(arenas_.count(), 2U);
  EXPECT_EQ(ThreadNote::arena(), 0U);
}

TEST_F(ArenaSetTest, ThereIsAnArenaPerProcessorUnlessNobodyLeaves) {
  std::vector<Set::Visit> visits;
  const unsigned limit = worthwhile();
  while (visits.size() < limit) {
    visits.push_back(arenas_.visit());
  }
  EXPECT_EQ(arenas_.count(), limit);
  visits.push_back(arenas_.visit());  // nobody leaves
  EXPECT_EQ(arenas_.count(), limit + 1);
}

TEST_F(ArenaSetTest, TriesEachArenaUntilOneCan) {
  {
    const auto first = arenas_.visit();
    const auto second = arenas_.visit();
  }
  ASSERT_EQ(arenas_.count(), 2U);
  int tries = 0;
  EXPECT_TRUE(arenas_.visit_until([&](const Set::Visit&) { return ++tries == 2; }));
  tries = 0;
  EXPECT_FALSE(arenas_.visit_until([&](const Set::Visit&) { return ++tries == 3; }));
  EXPECT_EQ(tries, 2);
}

// Each counts itself in where it goes, so that the next one sees it.
TEST_F(ArenaSetTest, ThreadsThatBeginTogetherHaveAnArenaEach) {
  const unsigned count = worthwhile();
  for (int round = 0; round < 200; ++round) {
    std::latch all_there(count);
    run_threads(count, [&](unsigned) {
      all_there.arrive_and_wait();
      arenas_.choose_home();
    });
    for (unsigned i = 0; i < count; ++i) {
      ASSERT_EQ(arenas_[i].users(), static_cast<unsigned>(round) + 1) << "arena " << i;
    }
  }
}

TEST_F(ArenaSetTest, ForksWithinForksAreOne) {
  arenas_.before_fork();
  arenas_.before_fork();
  arenas_.after_fork_in_parent();
  EXPECT_TRUE(arenas_.visit());  // lent
  std::thread([&] { EXPECT_FALSE(arenas_[0].try_visit()); }).join();
  arenas_.after_fork_in_parent();
  std::thread([&] { EXPECT_TRUE(arenas_[0].try_visit()); }).join();
}

}  // namespace
}  // namespace talc
