// Tests of os/background_thread.hpp: what it does for its work when it is hurried, and when it is not.
#include "talc/os/background_thread.hpp"

#include <gtest/gtest.h>

#include "talc/os/pause.hpp"

namespace talc {
namespace {

constinit BackgroundThread thread;
std::atomic<unsigned> calls{0};

unsigned work() {
  constexpr unsigned kAnHourMs = 3600 * 1000;
  calls.fetch_add(1, std::memory_order_relaxed);
  return kAnHourMs;
}

// Calls f() each millisecond until work() was called so often. False after ten seconds.
template <class F>
bool await_calls(unsigned count, F f) {
  constexpr unsigned kLooks = 10000;
  for (unsigned i = 0; i < kLooks && calls.load(std::memory_order_relaxed) < count; ++i) {
    f();
    pause_1_ms();
  }
  return calls.load(std::memory_order_relaxed) >= count;
}

TEST(BackgroundThread, IsWokenBeforeItsTimeOnlyIfHurried) {
  thread.begin_process();
  ASSERT_TRUE(thread.start(&work));
  ASSERT_TRUE(await_calls(1, [] {}));
  for (unsigned i = 0; i < 50; ++i) {  // also while it falls asleep
    thread.wake();
    pause_1_ms();
  }
  const unsigned before = calls.load(std::memory_order_relaxed);
  EXPECT_EQ(before, 1U);
  // It may be about to sleep: then the first one is lost, as one is that nobody needs.
  EXPECT_TRUE(await_calls(before + 1, [] { thread.hurry(); }));
}

}  // namespace
}  // namespace talc
