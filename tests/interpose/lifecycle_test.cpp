// The moments at which a preloaded malloc is known to break: the first and last ones of threads,
// processes and libraries, what lies between fork and exec, signals. Each of the programs named
// here lives through them under each library, and makes sure that it is talc that serves it. None may
// hang or complain, and the counters must come out at the end. docs/PITFALLS.md says which hazard
// each is about.
#include <gtest/gtest.h>

#include <string>
#include <tuple>
#include <vector>

#include "subprocess.hpp"

namespace {

struct Moment {
  const char* program;
  const char* name;
};

void PrintTo(const Moment& moment, std::ostream* out) {
  *out << moment.program << ' ' << moment.name;
}

enum class Library { plain, hardened };

using Case = std::tuple<Moment, Library>;

// For the names of tests: forks.c's "under_load" is forks_under_load.
std::string full_name(const testing::TestParamInfo<Case>& info) {
  const auto& [moment, library] = info.param;
  return std::string(moment.program) + '_' + moment.name +
         (library == Library::hardened ? "_hardened" : "");
}

std::string plugin() { return subprocess::program("libplugin.so"); }

class Lifecycle : public testing::TestWithParam<Case> {};

TEST_P(Lifecycle, IsSurvived) {
  const auto& [moment, library] = GetParam();
  std::vector<std::string> command = {subprocess::program(moment.program), moment.name};
  if (moment.program == std::string("loading")) {
    command.push_back(plugin());
  }
  // Slower there: a fifth of so many, by hand all (scripts/soak).
  if (moment.program == std::string("forks") && library == Library::hardened) {
    command.push_back("5");
  }
  const std::string preload =
      library == Library::plain ? subprocess::library() : subprocess::hardened_library();
  const auto outcome = subprocess::run(
      command,
      {.environment = {{"LD_PRELOAD", preload}, {"TALC_STATS_FILE", "/dev/null"}}, .seconds = 100});
  EXPECT_TRUE(outcome.exited_with(0)) << outcome.describe();
  EXPECT_EQ(outcome.err, "");
}

const Moment kMoments[] = {
    {"lifecycle", "early"},        {"lifecycle", "spawn"},
    {"lifecycle", "small_stacks"}, {"lifecycle", "open_libraries"},
    {"lifecycle", "limited"},      {"lifecycle", "at_exit"},
    {"forks", "under_load"},       {"forks", "beside_new_threads"},
    {"forks", "in_stdio"},         {"forks", "from_threads"},
    {"forks", "in_handlers"},      {"threads", "churn"},
    {"threads", "destructors"},    {"threads", "cancellation"},
    {"threads", "only_frees"},     {"threads", "idle_owner"},
    {"signals", "storm"},          {"signals", "unwound"},
    {"signals", "left_alone"},     {"loading", "plugins"},
    {"loading", "exceptions"},     {"thread_start", "alone"},
    {"thread_start", "first"},     {"thread_start", "forked"},
    {"thread_start", "refused"},
};

INSTANTIATE_TEST_SUITE_P(Moments, Lifecycle,
                         testing::Combine(testing::ValuesIn(kMoments),
                                          testing::Values(Library::plain, Library::hardened)),
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
