// Tests of base/assert.hpp: what a failed assertion does, and what one costs that is switched off.
#include "talc/base/assert.hpp"

#include <gtest/gtest.h>
#include <stdio.h>
#include <stdlib.h>

namespace talc {
namespace {

void print_and_exit(const char* what) {
  fprintf(stderr, "hook: %s\n", what);
  _Exit(3);
}

void print_and_return(const char* what) { fprintf(stderr, "returned: %s\n", what); }

TEST(AssertDeathTest, HookIsToldWhatFailed) {
  EXPECT_EXIT(
      {
        assertion_hook = print_and_exit;
        assertion_failed("the cat sat");
      },
      testing::ExitedWithCode(3), "hook: the cat sat");
}

TEST(AssertDeathTest, TrapsWithoutAHook) { EXPECT_DEATH(assertion_failed("unheard"), ""); }

TEST(AssertDeathTest, TrapsWhenTheHookReturns) {
  EXPECT_DEATH(
      {
        assertion_hook = print_and_return;
        assertion_failed("soft");
      },
      "returned: soft");
}

TEST(Assert, ConditionIsEvaluatedOnlyWhereAssertionsAreOn) {
  int evaluations = 0;
  const auto holds = [&] { return ++evaluations == 1; };
  TALC_ASSERT(holds());
  EXPECT_EQ(evaluations, kAssertions ? 1 : 0);
}

#ifdef TALC_DEBUG
TEST(AssertDeathTest, MacroNamesFileAndCondition) {
  assertion_hook = print_and_exit;
  [[maybe_unused]] const int two = 2;
  EXPECT_EXIT(TALC_ASSERT(two == 3), testing::ExitedWithCode(3),
              "assert_test.cpp:[0-9]+: two == 3");
  assertion_hook = nullptr;
}
#endif

}  // namespace
}  // namespace talc
