// The first and last moments of threads and processes, and what lies between fork and exec: each of
// programs/lifecycle.c under preload. None may hang, and the counters must come out at the end.
#include <gtest/gtest.h>

#include <string>

#include "subprocess.hpp"

namespace {

class Lifecycle : public testing::TestWithParam<const char*> {};

TEST_P(Lifecycle, IsSurvived) {
  const auto outcome = subprocess::run_under_talc(
      {subprocess::program("lifecycle"), GetParam()},
      {.environment = {{"TALC_STATS_FILE", "/dev/null"}}, .seconds = 100});
  EXPECT_TRUE(outcome.exited_with(0)) << outcome.describe();
  EXPECT_EQ(outcome.err, "");
}

INSTANTIATE_TEST_SUITE_P(Moments, Lifecycle,
                         testing::Values("early", "fork_under_load", "fork_in_handlers", "spawn",
                                         "end_threads", "small_stacks", "open_libraries", "limited",
                                         "at_exit"),
                         [](const auto& moment) { return std::string(moment.param); });

}  // namespace
