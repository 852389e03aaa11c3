// Tests of sync/spin_lock.hpp: exclusion, visibility, and the assertion that catches a deadlock.
#include "talc/sync/spin_lock.hpp"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "talc/sync/talck.hpp"

namespace talc {
namespace {

static_assert(LockLike<SpinLock>);
static_assert(sizeof(SpinLock) == 4);

TEST(SpinLock, TryLockTellsWhetherItIsFree) {
  SpinLock lock;
  EXPECT_TRUE(lock.try_lock());
  EXPECT_FALSE(lock.try_lock());
  lock.unlock();
  lock.lock();
  EXPECT_FALSE(lock.try_lock());
  lock.unlock();
  EXPECT_TRUE(lock.try_lock());
  lock.unlock();
}

TEST(SpinLock, ExcludesThreads) {
  constexpr int kThreads = 4;
  constexpr int kTurns = 20000;
  SpinLock lock;
  int first = 0;
  int second = 0;
  bool always_equal = true;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int turn = 0; turn < kTurns; ++turn) {
        lock.lock();
        always_equal = always_equal && first == second;
        ++first;
        ++second;
        lock.unlock();
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_TRUE(always_equal);
  EXPECT_EQ(first, kThreads * kTurns);
}

#ifdef TALC_DEBUG
TEST(SpinLockDeathTest, AssertsWhenItsHolderWaitsForIt) {
  SpinLock lock;
  lock.lock();
  EXPECT_DEATH(lock.lock(), "");
  lock.unlock();
  EXPECT_DEATH(lock.unlock(), "");
}
#endif

}  // namespace
}  // namespace talc
