// Tests of os/thread_exit.hpp: who asked is told, once, on his own thread.
#include "talc/os/thread_exit.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace talc {
namespace {

std::atomic<int> told{0};
std::atomic<void*> value{nullptr};

TEST(ThreadExit, TellsThoseWhoAskedAndNobodyElse) {
  static int mine;
  std::thread([] { ThreadExit::arm(&mine); }).join();
  EXPECT_EQ(told, 0);  // it had not begun
  ThreadExit::begin([](void* what) {
    told += 1;
    value = what;
  });
  std::thread([] {}).join();
  EXPECT_EQ(told, 0);
  std::thread([] {
    ThreadExit::arm(&mine);
    ThreadExit::arm(&mine);
  }).join();
  EXPECT_EQ(told, 1);
  EXPECT_EQ(value, &mine);
}

}  // namespace
}  // namespace talc
