// What options a process has in effect, and what it says of them: programs/configured.c under preload.
// What values there are: options_test.cpp.
#include <gtest/gtest.h>
#include <signal.h>

#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <string>

#include "subprocess.hpp"

namespace {

using subprocess::Outcome;
using Environment = std::map<std::string, std::string>;

Outcome run(Environment environment, const std::vector<std::string>& arguments = {}) {
  std::vector<std::string> command = {subprocess::program("configured")};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return subprocess::run_under_talc(command, {.environment = std::move(environment)});
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(Configuration, IsConfirmedWithItsOrigin) {
  const Outcome outcome = run({{"TALC_CONFIRM_CONF", "1"},
                               {"TALC_CONF", "dirty_ratio:7,thp:always"},
                               {"TALC_THP", "never"}});
  EXPECT_TRUE(outcome.exited_with(0)) << outcome.describe();
  for (const char* const line :
       {"talc: TALC_PURGE_DELAY=123 (talc_conf)\n", "talc: TALC_DIRTY_RATIO=7 (TALC_CONF)\n",
        "talc: TALC_THP=never (environment)\n", "talc: TALC_FOREIGN=abort (preset)\n"}) {
    EXPECT_TRUE(contains(outcome.err, line)) << line << outcome.err;
  }
}

TEST(Configuration, IsSilentUnlessAskedFor) {
  EXPECT_EQ(run({}).err, "");
  EXPECT_EQ(run({}, {"refuse"}).err, "");
}

TEST(Configuration, WarnsOfWhatIsWrongAndGoesOn) {
  const Outcome outcome = run({{"TALC_THP", "big"}, {"TALC_CONF", "speed:1"}, {"TALC_X", "1"}});
  EXPECT_TRUE(outcome.exited_with(0)) << outcome.describe();
  EXPECT_TRUE(
      contains(outcome.err, "talc: TALC_THP must be adaptive, always or never, not 'big'\n"));
  EXPECT_TRUE(contains(outcome.err, "talc: unknown option 'speed:1' in TALC_CONF\n"));
  EXPECT_TRUE(contains(outcome.err, "talc: unknown option TALC_X\n"));
}

TEST(Configuration, AbortsIfThatIsWanted) {
  for (const Environment& wrong : {Environment{{"TALC_X", "1"}, {"TALC_ABORT_CONF", "1"}},
                                   Environment{{"TALC_CONF", "abort_conf:yes,purge_delay:soon"}}}) {
    const Outcome outcome = run(wrong);
    EXPECT_TRUE(outcome.killed_by(SIGABRT)) << outcome.describe();
    EXPECT_TRUE(contains(outcome.err, "talc: ")) << outcome.err;
  }
  EXPECT_TRUE(run({{"TALC_ABORT_CONF", "1"}}).exited_with(0));
}

std::string version_of_the_build() {
  std::ifstream file(subprocess::source_folder() + "/meson.build");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  std::smatch match;
  return std::regex_search(text, match, std::regex("\n  version: '([0-9.]+)'")) ? match[1].str()
                                                                                : "none";
}

TEST(Verbose, NamesTheVersionThePresetAndWhatWasGiven) {
  const Outcome outcome = run({{"TALC_VERBOSE", "1"}, {"TALC_STATS", "0"}});
  EXPECT_EQ(outcome.err, "talc: talc " + version_of_the_build() +
                             ", options: stats=0 verbose=1 purge_delay=123 dirty_ratio=45\n");
  const Outcome hardened = subprocess::run(
      {"true"},
      {.environment = {{"LD_PRELOAD", subprocess::hardened_library()}, {"TALC_VERBOSE", "1"}}});
  EXPECT_EQ(hardened.err.find("talc: talc-hardened "), 0U) << hardened.err;
}

TEST(Verbose, TellsOnceThatMemoryRanOut) {
  const Outcome outcome = run({{"TALC_VERBOSE", "1"}}, {"refuse"});
  EXPECT_TRUE(outcome.exited_with(0)) << outcome.describe();
  const std::regex line("\ntalc: a request was refused, with [0-9]+ bytes mapped\n$");
  EXPECT_TRUE(std::regex_search(outcome.err, line)) << outcome.err;
  EXPECT_EQ(outcome.err.find("refused"), outcome.err.rfind("refused"));
}

}  // namespace
