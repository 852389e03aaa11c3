// Programs with operators or a malloc of their own, and operator new where there is no C++ runtime.
// What the operators do otherwise: operator_new_test.cpp.
#include <gtest/gtest.h>
#include <signal.h>

#include "subprocess.hpp"

namespace {

TEST(Operators, OfTheProgramAreCalledByAllOthers) {
  const auto outcome = subprocess::run_under_talc({subprocess::program("replaced_new")});
  EXPECT_TRUE(outcome.exited_with(0)) << outcome.describe();
}

// It holds for libstdc++ alone, or the test would ask for more than the standard library does.
TEST(Operators, OfTheProgramAreCalledByAllOthersWithoutTalc) {
  const auto outcome = subprocess::run({subprocess::program("replaced_new")});
  EXPECT_TRUE(outcome.exited_with(0)) << outcome.describe();
}

TEST(Operators, WithoutARuntimeAllocate) {
  const auto outcome = subprocess::run_under_talc({subprocess::program("no_runtime"), "allocate"});
  EXPECT_TRUE(outcome.exited_with(0)) << outcome.describe();
}

TEST(Operators, WithoutARuntimeAbortWhereTheyWouldThrow) {
  for (const char* const how : {"new", "new_array", "new_aligned"}) {
    const auto outcome = subprocess::run_under_talc({subprocess::program("no_runtime"), how});
    EXPECT_TRUE(outcome.killed_by(SIGABRT)) << outcome.describe();
    EXPECT_EQ(outcome.err, "talc: operator new: out of memory\n");
  }
}

TEST(Operators, WithoutARuntimeReturnNullWhereTheyMustNotThrow) {
  const auto outcome = subprocess::run_under_talc({subprocess::program("no_runtime"), "nothrow"});
  EXPECT_TRUE(outcome.exited_with(0)) << outcome.describe();
}

TEST(OwnMalloc, MayForwardToTheNamesOfGlibc) {
  for (const std::string& library : {subprocess::library(), subprocess::hardened_library()}) {
    const auto outcome = subprocess::run({subprocess::program("own_malloc")},
                                         {.environment = {{"LD_PRELOAD", library}}});
    EXPECT_TRUE(outcome.exited_with(0)) << outcome.describe();
  }
}

}  // namespace
