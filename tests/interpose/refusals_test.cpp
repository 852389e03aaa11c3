// A kernel that refuses what libtalc.so asks for: programs/refusals.cpp under preload. Neither a crash
// nor a lost block, an error number of malloc's, and everything in order once the refusals have ended.
#include <gtest/gtest.h>

#include <cstdio>
#include <string>
#include <vector>

#include "subprocess.hpp"

namespace {

subprocess::Outcome run(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), subprocess::program("refusals"));
  return subprocess::run_under_talc(arguments, {.seconds = 100});
}

class Refusals : public testing::TestWithParam<const char*> {};

TEST_P(Refusals, OfNumberedCallsAreSurvived) {
  const auto outcome = run({GetParam()});
  EXPECT_TRUE(outcome.exited_with(0)) << outcome.describe();
}

INSTANTIATE_TEST_SUITE_P(Schedules, Refusals, testing::Values("only", "from", "every"),
                         [](const auto& schedule) { return std::string(schedule.param); });

class Filter : public testing::TestWithParam<std::vector<std::string>> {};

TEST_P(Filter, IsSurvived) {
  std::vector<std::string> arguments = GetParam();
  arguments.insert(arguments.begin(), "seccomp");
  const auto outcome = run(arguments);
  EXPECT_TRUE(outcome.exited_with(0)) << outcome.describe();
}

using Names = std::vector<std::string>;
INSTANTIATE_TEST_SUITE_P(
    Calls, Filter,
    testing::Values(Names{"mmap"}, Names{"munmap"}, Names{"mremap"}, Names{"madvise"},
                    Names{"mincore"}, Names{"sched_getaffinity"}, Names{"munmap", "madvise"},
                    Names{"mmap", "munmap", "mremap", "madvise", "mincore", "sched_getaffinity"}));

TEST(Mappings, RunOutWithoutHarm) {
  const auto outcome = run({"no_mappings"});
  EXPECT_TRUE(outcome.exited_with(0)) << outcome.describe();
}

// A heap, and its part with huge pages; each huge block and each one kept.
TEST(Mappings, AreFew) {
  const auto outcome = run({"fragment"});
  ASSERT_TRUE(outcome.exited_with(0)) << outcome.describe();
  int most = 0;
  int huge = 0;
  int at_end = 0;
  ASSERT_EQ(std::sscanf(outcome.out.c_str(),
                        "%d mappings more, %d huge blocks %d mappings more at the end", &most,
                        &huge, &at_end),
            3)
      << outcome.describe();
  EXPECT_LE(most, 60) << outcome.out;
  EXPECT_LE(at_end, 4) << outcome.out;
}

}  // namespace
