// Tests of os/print_assertion.hpp: the line and the way it ends.
#include "talc/os/print_assertion.hpp"

#include <gtest/gtest.h>
#include <signal.h>

#include <string>

namespace talc {
namespace {

TEST(PrintAssertionDeathTest, PrintsOneLineAndAborts) {
  EXPECT_EXIT(
      {
        assertion_hook = print_assertion;
        assertion_failed("gap.hpp:12: size != 0");
      },
      testing::KilledBySignal(SIGABRT), "^talc: assertion failed: gap.hpp:12: size != 0\n$");
}

TEST(PrintAssertionDeathTest, PrintsLongTextWhole) {
  const std::string what(1000, 'x');
  EXPECT_EXIT(print_assertion(what.c_str()), testing::KilledBySignal(SIGABRT), ": " + what + "\n$");
}

}  // namespace
}  // namespace talc
