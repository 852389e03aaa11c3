// Tests of api/arena_lock.hpp: who gets the lock, when, and what a fork makes of it.
#include "talc/api/arena_lock.hpp"

#include <errno.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/single_threaded.h>

#include <thread>

#include "support/sanitizers.hpp"

namespace talc {
namespace {

// Each test as if no second thread had ever been started, and otherwise. Its own threads end that.
class ArenaLockTest : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override { __libc_single_threaded = static_cast<char>(GetParam()); }
  void TearDown() override { __libc_single_threaded = 0; }

  // What another thread finds.
  bool others_can_lock() {
    bool locked = false;
    std::thread([&] {
      locked = lock_.try_lock();
      if (locked) {
        lock_.unlock();
      }
    }).join();
    return locked;
  }

  ArenaLock lock_;
};

TEST_P(ArenaLockTest, ExcludesOthersAndItself) {
  ASSERT_TRUE(lock_.try_lock());
  EXPECT_FALSE(others_can_lock());
  EXPECT_FALSE(lock_.try_lock());
  EXPECT_FALSE(lock_.lock_within(10));
  lock_.unlock();
  EXPECT_TRUE(others_can_lock());
}

TEST_P(ArenaLockTest, WaitsForAWhile) {
  ASSERT_TRUE(lock_.try_lock());
  std::thread waiter([&] {
    EXPECT_FALSE(lock_.lock_within(1));
    EXPECT_TRUE(lock_.lock_within(60000));
    lock_.unlock();
  });
  while (!lock_.is_awaited()) {
    std::this_thread::yield();
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  lock_.unlock();
  waiter.join();
  EXPECT_FALSE(lock_.is_awaited());
}

TEST_P(ArenaLockTest, IsLentToTheForkerOneCallAtATime) {
  ASSERT_TRUE(lock_.hold_for_fork(10));
  EXPECT_FALSE(others_can_lock());
  ASSERT_TRUE(lock_.try_lock());
  EXPECT_FALSE(lock_.try_lock());  // as from a signal handler
  lock_.unlock();
  EXPECT_FALSE(others_can_lock());
  ASSERT_TRUE(lock_.try_lock());
  lock_.unlock();
  lock_.release_after_fork();
  EXPECT_TRUE(others_can_lock());
}

TEST_P(ArenaLockTest, IsNewInTheChildThatHeldIt) {
  if (kUnderTsan) {
    GTEST_SKIP() << "ThreadSanitizer remembers what the mutex was";
  }
  ASSERT_TRUE(lock_.hold_for_fork(10));
  lock_.renew_in_child();
  EXPECT_FALSE(lock_.is_abandoned());
  EXPECT_TRUE(others_can_lock());
}

TEST_P(ArenaLockTest, StaysWithAThreadThatForksWithinTheArena) {
  ASSERT_TRUE(lock_.try_lock());
  EXPECT_FALSE(lock_.hold_for_fork(10));
  lock_.release_after_fork();
  EXPECT_FALSE(others_can_lock());
  lock_.renew_in_child();
  EXPECT_FALSE(lock_.is_abandoned());
  EXPECT_FALSE(others_can_lock());
  lock_.unlock();
  EXPECT_TRUE(others_can_lock());
}

TEST_P(ArenaLockTest, IsAbandonedInTheChildThatDidNotGetIt) {
  std::thread([&] { ASSERT_TRUE(lock_.try_lock()); }).join();
  EXPECT_FALSE(lock_.hold_for_fork(10));
  lock_.renew_in_child();
  EXPECT_TRUE(lock_.is_abandoned());
  EXPECT_FALSE(lock_.lock_within(10000));  // at once
  EXPECT_FALSE(others_can_lock());
}

TEST_P(ArenaLockTest, IsAbandonedInTheChildEvenIfItLooksFree) {
  lock_.renew_in_child();
  EXPECT_TRUE(lock_.is_abandoned());
  EXPECT_FALSE(others_can_lock());
}

TEST_P(ArenaLockTest, IsReleasedByAThreadThatIsNoLongerAlone) {
  ASSERT_TRUE(lock_.try_lock());
  EXPECT_FALSE(others_can_lock());
  lock_.unlock();
  ASSERT_TRUE(lock_.try_lock());
  EXPECT_FALSE(others_can_lock());
  lock_.unlock();
  EXPECT_TRUE(others_can_lock());
}

// malloc is none: a thread that is to be cancelled leaves it as others do.
TEST_P(ArenaLockTest, WaitingIsNoCancellationPointAndLeavesErrno) {
  ASSERT_TRUE(lock_.try_lock());
  bool has_waited = false;
  std::thread([&] {
    pthread_cancel(pthread_self());
    errno = EXDEV;
    EXPECT_FALSE(lock_.lock_within(20));
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, nullptr);
    EXPECT_EQ(errno, EXDEV);
    has_waited = true;
  }).join();
  EXPECT_TRUE(has_waited);
  lock_.unlock();
}

INSTANTIATE_TEST_SUITE_P(Alone, ArenaLockTest, testing::Bool());

}  // namespace
}  // namespace talc
