// Tests of os/handler_slot.hpp: a function never comes with another one's argument, and a writer that
// a fork has lost stops nobody.
#include "talc/os/handler_slot.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

namespace talc {
namespace {

using Slot = HandlerSlot<int(void*)>;

// Whether the argument is the one that belongs to it.
template <int kNumber>
int is_mine(void* arg) {
  return *static_cast<int*>(arg) == kNumber ? 1 : 0;
}

TEST(HandlerSlot, IsEmptyAtFirst) {
  Slot slot;
  EXPECT_EQ(slot.get().function, nullptr);
  int number = 1;
  slot.set({&is_mine<1>, &number});
  EXPECT_EQ(slot.get().function, &is_mine<1>);
  EXPECT_EQ(slot.get().arg, &number);
  slot.set({});
  EXPECT_EQ(slot.get().function, nullptr);
}

TEST(HandlerSlot, NeverMixesTwo) {
  Slot slot;
  int one = 1;
  int two = 2;
  std::atomic<bool> is_over = false;
  std::thread writer([&] {
    for (int i = 0; i < 5000000; ++i) {
      slot.set(i % 2 == 0 ? Slot::Handler{&is_mine<1>, &one} : Slot::Handler{&is_mine<2>, &two});
    }
    is_over = true;
  });
  size_t wrong = 0;
  while (!is_over) {
    const Slot::Handler handler = slot.get();
    wrong += handler.function != nullptr && handler.function(handler.arg) == 0;
  }
  writer.join();
  EXPECT_EQ(wrong, 0U);
}

TEST(HandlerSlot, OutlivesAWriterThatAForkHasLost) {
  static Slot slot;
  static int one = 1;
  std::atomic<bool> is_over = false;
  std::thread writer([&] {
    while (!is_over) {
      slot.set({&is_mine<1>, &one});
    }
  });
  for (int i = 0; i < 10; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      const Slot::Handler before = slot.get();
      slot.set({&is_mine<1>, &one});
      const Slot::Handler after = slot.get();
      _exit((before.function == nullptr || before.arg == &one) && after.arg == &one ? 0 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  is_over = true;
  writer.join();
}

}  // namespace
}  // namespace talc
