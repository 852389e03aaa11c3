// A kernel that refuses what the libraries ask for: programs/refusals.cpp under preload. Neither a crash
// nor a lost block, an error number of malloc's, and everything in order once the refusals have ended.
#include <gtest/gtest.h>

#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "subprocess.hpp"

namespace {

using Environment = std::map<std::string, std::string>;

const Environment kPlain = {{"LD_PRELOAD", subprocess::library()}};
const Environment kHardened = {{"LD_PRELOAD", subprocess::hardened_library()}};
// All that is free goes back at once, so that most calls are madvise.
const Environment kPurging = {{"LD_PRELOAD", subprocess::library()}, {"TALC_PURGE_DELAY", "0"}};

subprocess::Outcome run(std::vector<std::string> arguments,
                        const Environment& environment = kPlain) {
  arguments.insert(arguments.begin(), subprocess::program("refusals"));
  return subprocess::run(arguments, {.environment = environment, .seconds = 100});
}

struct Case {
  const char* name;
  const char* schedule;
  Environment environment;
};

class Refusals : public testing::TestWithParam<Case> {};

TEST_P(Refusals, OfNumberedCallsAreSurvived) {
  const auto outcome = run({GetParam().schedule}, GetParam().environment);
  EXPECT_TRUE(outcome.exited_with(0)) << outcome.describe();
}

// By hand, scripts/soak has each of them under each.
INSTANTIATE_TEST_SUITE_P(Schedules, Refusals,
                         testing::Values(Case{"only", "only", kPlain},          //
                                         Case{"from", "from", kPlain},          //
                                         Case{"every", "every", kPlain},        //
                                         Case{"hardened", "every", kHardened},  //
                                         Case{"purging", "every", kPurging}),
                         [](const auto& refusals) { return std::string(refusals.param.name); });

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
  for (const Environment& environment : {kPlain, kHardened}) {
    const auto outcome = run({"no_mappings"}, environment);
    EXPECT_TRUE(outcome.exited_with(0)) << outcome.describe();
  }
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
