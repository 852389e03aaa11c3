// Tests of os/pthread_lock.hpp. Its use by threads through a Talck is in sync/talck_threads_test.cpp.
#include "talc/os/pthread_lock.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace talc {
namespace {

constinit PthreadLock constant_lock;

TEST(PthreadLock, IsAConstantAndExcludes) {
  constant_lock.lock();
  bool taken_by_other = true;
  std::thread([&] { taken_by_other = constant_lock.try_lock(); }).join();
  EXPECT_FALSE(taken_by_other);
  constant_lock.unlock();
  std::thread([&] {
    taken_by_other = constant_lock.try_lock();
    constant_lock.unlock();
  }).join();
  EXPECT_TRUE(taken_by_other);
}

TEST(PthreadLock, WaitersGetItInTurn) {
  PthreadLock lock;
  int shared = 0;
  lock.lock();
  std::thread waiter([&] {
    lock.lock();
    shared *= 10;
    lock.unlock();
  });
  shared = 7;
  lock.unlock();
  waiter.join();
  EXPECT_EQ(shared, 70);
}

#ifdef TALC_DEBUG
TEST(PthreadLockDeathTest, AssertsWhenMisused) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  PthreadLock lock;
  EXPECT_DEATH(lock.unlock(), "");
  EXPECT_DEATH(
      {
        lock.lock();
        lock.lock();
      },
      "");
}
#endif

}  // namespace
}  // namespace talc
