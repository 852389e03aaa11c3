// The moments at which a preloaded malloc is known to break: the first and last ones of threads,
// processes and libraries, what lies between fork and exec, signals. Each of the programs named
// here lives through them under preload, and makes sure that it is talc that serves it. None may
// hang or complain, and the counters must come out at the end. docs/PITFALLS.md says which hazard
// each is about.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "subprocess.hpp"

namespace {

struct Moment {
  const char* program;
  const char* name;
};

// For the names of tests: forks.c's "under_load" is forks_under_load.
std::string full_name(const testing::TestParamInfo<Moment>& moment) {
  return std::string(moment.param.program) + '_' + moment.param.name;
}

std::string plugin() { return subprocess::program("libplugin.so"); }

class Lifecycle : public testing::TestWithParam<Moment> {};

TEST_P(Lifecycle, IsSurvived) {
  std::vector<std::string> command = {subprocess::program(GetParam().program), GetParam().name};
  if (GetParam().program == std::string("loading")) {
    command.push_back(plugin());
  }
  const auto outcome = subprocess::run_under_talc(
      command, {.environment = {{"TALC_STATS_FILE", "/dev/null"}}, .seconds = 100});
  EXPECT_TRUE(outcome.exited_with(0)) << outcome.describe();
  EXPECT_EQ(outcome.err, "");
}

INSTANTIATE_TEST_SUITE_P(Moments, Lifecycle,
                         testing::Values(Moment{"lifecycle", "early"},           //
                                         Moment{"lifecycle", "spawn"},           //
                                         Moment{"lifecycle", "small_stacks"},    //
                                         Moment{"lifecycle", "open_libraries"},  //
                                         Moment{"lifecycle", "limited"},         //
                                         Moment{"lifecycle", "at_exit"},         //
                                         Moment{"forks", "under_load"},          //
                                         Moment{"forks", "beside_new_threads"},  //
                                         Moment{"forks", "in_stdio"},            //
                                         Moment{"forks", "from_threads"},        //
                                         Moment{"forks", "in_handlers"},         //
                                         Moment{"threads", "churn"},             //
                                         Moment{"threads", "destructors"},       //
                                         Moment{"threads", "cancellation"},      //
                                         Moment{"threads", "only_frees"},        //
                                         Moment{"threads", "idle_owner"},        //
                                         Moment{"signals", "storm"},             //
                                         Moment{"signals", "unwound"},           //
                                         Moment{"signals", "left_alone"},        //
                                         Moment{"loading", "plugins"},           //
                                         Moment{"loading", "exceptions"}),
                         full_name);

// As the dynamic linker finds it once it is installed.
TEST(Preloading, WorksByTheSonameAlone) {
  const auto outcome = subprocess::run(
      {"sleep", "0"}, {.environment = {{"LD_LIBRARY_PATH", subprocess::build_folder()},
                                       {"LD_PRELOAD", "libtalc.so.1"},
                                       {"TALC_STATS", "json"}}});
  EXPECT_NE(outcome.err.find("\"program\": \"sleep\""), std::string::npos) << outcome.describe();
}

// Not preloaded: talc itself is what is opened and closed, while the program runs.
TEST(LateLoading, LeavesTalcInPlaceWhenItIsClosed) {
  const auto outcome = subprocess::run({subprocess::program("late"), subprocess::library()});
  EXPECT_TRUE(outcome.exited_with(0)) << outcome.describe();
  EXPECT_EQ(outcome.err, "");
}

}  // namespace
