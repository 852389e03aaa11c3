// Tests of os/fault.hpp: the exact line of each fault.
#include "talc/os/fault.hpp"

#include <gtest/gtest.h>
#include <stdio.h>

#include <thread>

namespace talc {
namespace {

const void* pointer(size_t address) { return reinterpret_cast<const void*>(address); }

TEST(FaultDeathTest, PrintsOneLineAndAborts) {
  const auto aborted = testing::KilledBySignal(SIGABRT);
  EXPECT_EXIT(raise_fault(Fault::double_free, pointer(0x12abcdef)), aborted,
              "^talc: double free: 0x12abcdef\n$");
  EXPECT_EXIT(raise_fault(Fault::use_after_free, pointer(16)), aborted,
              "^talc: use after free: 0x10\n$");
  EXPECT_EXIT(raise_fault(Fault::invalid_pointer, pointer(0)), aborted,
              "^talc: invalid pointer: 0x0\n$");
  EXPECT_EXIT(raise_fault(Fault::misaligned_pointer, pointer(~size_t{0})), aborted,
              "^talc: misaligned pointer: 0xf+\n$");
  EXPECT_EXIT(raise_fault(Fault::corrupt_block, pointer(1)), aborted,
              "^talc: corrupt block: 0x1\n$");
}

void set_handler(AbortHandler* function, void* arg) { abort_handler.set({function, arg}); }

TEST(FaultDeathTest, TellsTheLineBeforeItAborts) {
  char name[] = "somebody";
  EXPECT_EXIT(
      {
        set_handler([](const char* line,
                       void* arg) { fprintf(stderr, "%s: %s", static_cast<char*>(arg), line); },
                    name);
        raise_fault(Fault::double_free, pointer(16));
      },
      testing::KilledBySignal(SIGABRT),
      "^talc: double free: 0x10\nsomebody: talc: double free: 0x10$");
}

TEST(FaultDeathTest, TellsOnceWhereTheHandlerIsWrongItself) {
  EXPECT_EXIT(
      {
        set_handler([](const char*, void*) { raise_fault(Fault::use_after_free, pointer(32)); },
                    nullptr);
        raise_fault(Fault::double_free, pointer(16));
      },
      testing::KilledBySignal(SIGABRT), "^talc: double free: 0x10\ntalc: use after free: 0x20\n$");
}

// The second thread waits for the first one's handler, which ends the process in its own way.
TEST(FaultDeathTest, LetsOneThreadsHandlerEndTheProcess) {
  EXPECT_EXIT(
      {
        set_handler(
            [](const char*, void*) {
              for (int i = 0; i < 50; ++i) {
                pause_1_ms();
              }
              _exit(7);
            },
            nullptr);
        std::thread other([] { raise_fault(Fault::double_free, pointer(16)); });
        raise_fault(Fault::double_free, pointer(16));
      },
      testing::ExitedWithCode(7), "");
}

}  // namespace
}  // namespace talc
