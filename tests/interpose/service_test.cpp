// What a process reports while it runs: programs/service.c under preload, one moment at a time.
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <string>
#include <vector>

#include "subprocess.hpp"

namespace {

using subprocess::Outcome;

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

size_t count(const std::string& text, const std::string& pattern) {
  const std::regex regex(pattern);
  return static_cast<size_t>(
      std::distance(std::sregex_iterator(text.begin(), text.end(), regex), {}));
}

class Service : public testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/talc_service_XXXXXX";
    folder_ = mkdtemp(pattern);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  Outcome live(const std::string& moment, std::map<std::string, std::string> environment) {
    return subprocess::run_under_talc({subprocess::program("service"), moment},
                                      {.environment = std::move(environment), .folder = folder_});
  }
  std::vector<std::string> files() const {
    std::vector<std::string> paths;
    for (const auto& file : std::filesystem::directory_iterator(folder_)) {
      paths.push_back(file.path());
    }
    return paths;
  }

  std::string folder_;
};

TEST_F(Service, ReportsAtIntervalsThoughNothingIsAllocated) {
  const Outcome outcome =
      live("idle", {{"TALC_STATS_INTERVAL", "0.25"}, {"TALC_STATS_FILE", "all"}});
  EXPECT_TRUE(outcome.exited_with(0)) << outcome.describe();
  EXPECT_EQ(outcome.err, "");
  const std::string lines = read_file(folder_ + "/all");
  const size_t at_intervals = count(lines, R"("reason": "interval")");
  EXPECT_GE(at_intervals, 2U) << lines;
  EXPECT_LE(at_intervals, 6U) << lines;
  EXPECT_EQ(count(lines, R"("reason": "exit")"), 1U);
  EXPECT_EQ(count(lines, "\\{\"schema\": 1, [^\n]*\\}\n"), at_intervals + 1);
  EXPECT_EQ(lines.rfind(R"("reason": )"), lines.rfind(R"("reason": "exit")"));
}

TEST_F(Service, NeedsNoReportAtTheEnd) {
  const Outcome outcome = live("idle", {{"TALC_STATS_INTERVAL", "0.5"}, {"TALC_STATS", "0"}});
  EXPECT_GE(count(outcome.err, R"("reason": "interval")"), 1U);
  EXPECT_EQ(count(outcome.err, R"("reason": "exit")"), 0U);
}

TEST_F(Service, ReportsForASignalWithinASecondThoughTheProgramSpins) {
  const Outcome outcome = live("spin", {{"TALC_STATS_SIGNAL", "USR2"}});
  EXPECT_TRUE(outcome.exited_with(0)) << outcome.describe();
  EXPECT_EQ(count(outcome.err, "talc: service, process [0-9]+, for a signal, after 0\\."), 1U)
      << outcome.err;
  EXPECT_EQ(count(outcome.err, "talc: "), 1U);
}

TEST_F(Service, InstallsNoHandlerUnlessAskedFor) {
  EXPECT_TRUE(live("spin", {}).killed_by(SIGUSR2));
  EXPECT_TRUE(live("spin", {{"TALC_STATS_SIGNAL", "USR1"}}).killed_by(SIGUSR2));
}

TEST_F(Service, NumbersItsReports) {
  const Outcome outcome =
      live("signal_twice",
           {{"TALC_STATS_SIGNAL", "12"}, {"TALC_STATS", "json"}, {"TALC_STATS_FILE", "report-%n"}});
  EXPECT_TRUE(outcome.exited_with(0)) << outcome.describe();
  EXPECT_EQ(files().size(), 3U);
  EXPECT_EQ(count(read_file(folder_ + "/report-1"), R"("reason": "signal")"), 1U);
  EXPECT_EQ(count(read_file(folder_ + "/report-2"), R"("reason": "signal")"), 1U);
  EXPECT_EQ(count(read_file(folder_ + "/report-3"), R"("reason": "exit")"), 1U);
}

TEST_F(Service, LetsInterruptedCallsGoOn) {
  const Outcome outcome = live("interrupted", {{"TALC_STATS_SIGNAL", "USR2"}});
  EXPECT_TRUE(outcome.exited_with(0)) << outcome.describe();
}

TEST_F(Service, HasAThreadOnlyIfItIsAskedFor) {
  EXPECT_EQ(live("count_threads", {{"TALC_STATS", "json"}}).out, "1 threads\n");
  for (const auto& [name, value] : {std::pair{"TALC_STATS_INTERVAL", "9"},
                                    {"TALC_STATS_SIGNAL", "USR2"},
                                    {"TALC_WATCH", "page"}}) {
    EXPECT_EQ(live("count_threads", {{name, value}}).out, "2 threads\n") << name;
    // Also where it is not to give memory back.
    EXPECT_EQ(live("count_threads", {{name, value}, {"TALC_BACKGROUND_THREAD", "0"}}).out,
              "2 threads\n");
  }
}

TEST_F(Service, GivesUpRootWithTheProgram) {
  if (geteuid() != 0) {
    GTEST_SKIP() << "only root can";
  }
  const Outcome outcome = live("become_nobody", {{"TALC_STATS_SIGNAL", "USR2"}});
  EXPECT_TRUE(outcome.exited_with(0)) << outcome.describe();
  EXPECT_EQ(outcome.out, "nobody\nnobody\n");
}

TEST_F(Service, TakesNoSignalsOfTheProgram) {
  const Outcome outcome = live("pending", {{"TALC_STATS_INTERVAL", "0.25"}});
  EXPECT_TRUE(outcome.exited_with(0)) << outcome.describe();
}

TEST_F(Service, LetsAProcessEndWhoseMainThreadHasEnded) {
  const Outcome outcome = live("leave_main", {{"TALC_STATS_INTERVAL", "100"}});
  EXPECT_TRUE(outcome.exited_with(0)) << outcome.describe();
  EXPECT_EQ(outcome.out, "goodbye\n");
  EXPECT_EQ(count(outcome.err, R"("reason": "exit")"), 1U);
  EXPECT_EQ(count(outcome.err, R"("kernel": \{"rss": [1-9])"), 1U) << outcome.err;
}

TEST_F(Service, GoesOnInForkedChildren) {
  const Outcome outcome =
      live("forked", {{"TALC_STATS_INTERVAL", "0.25"}, {"TALC_STATS_FILE", "%p"}});
  EXPECT_TRUE(outcome.exited_with(0)) << outcome.describe();
  ASSERT_EQ(files().size(), 2U);
  for (const std::string& file : files()) {
    const std::string process = std::filesystem::path(file).filename();
    const std::string lines = read_file(file);
    const size_t reports = count(lines, "\n");
    EXPECT_EQ(count(lines, "\"process\": " + process + ", "), reports) << lines;
    EXPECT_GE(count(lines, R"("reason": "interval")"), 2U) << lines;
    EXPECT_EQ(count(lines, R"("reason": "exit")"), 1U);
  }
}

TEST_F(Service, IsNotInTheWayOfChildrenThatExecuteOrEnd) {
  const Outcome outcome =
      live("forked_briefly",
           {{"TALC_STATS_INTERVAL", "50"}, {"TALC_WATCH", "page"}, {"TALC_STATS", "0"}});
  EXPECT_TRUE(outcome.exited_with(0)) << outcome.describe();
  EXPECT_EQ(outcome.err, "");
}

// ---- the live page ----

TEST_F(Service, ShowsThePage) {
  const std::string path = folder_ + "/page";
  const Outcome outcome = live("watched", {{"TALC_WATCH", "page"}, {"PAGE", path}});
  EXPECT_TRUE(outcome.exited_with(0)) << outcome.describe();
  EXPECT_EQ(outcome.err, "");
  struct stat status;
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_size, 4096);
  EXPECT_EQ(status.st_mode & 07777, 0600U);
}

TEST_F(Service, LeavesThePageToItsProcess) {
  const Outcome outcome =
      live("watched_fork", {{"TALC_WATCH", "page"}, {"PAGE", folder_ + "/page"}});
  EXPECT_TRUE(outcome.exited_with(0)) << outcome.describe();
  EXPECT_EQ(files().size(), 1U);
}

TEST_F(Service, LeavesAPageThatSomebodyTruncates) {
  const std::string path = folder_ + "/page";
  const Outcome outcome = live("watched_truncated", {{"TALC_WATCH", "page"}, {"PAGE", path}});
  EXPECT_TRUE(outcome.exited_with(0)) << outcome.describe();
  EXPECT_EQ(outcome.err, "talc: cannot show the statistics in " + path + ": error 14\n");
}

TEST_F(Service, GivesEachProcessAPageOfItsOwnIfThePathSaysSo) {
  const Outcome outcome = live("forked", {{"TALC_WATCH", "%e.%p"}});
  EXPECT_TRUE(outcome.exited_with(0)) << outcome.describe();
  ASSERT_EQ(files().size(), 2U);
  for (const std::string& file : files()) {
    const std::string page = read_file(file);
    const std::string process = std::filesystem::path(file).extension().string().substr(1);
    ASSERT_EQ(page.size(), 4096U);
    uint64_t shown = 0;
    memcpy(&shown, page.data() + 24, sizeof shown);
    EXPECT_EQ(std::to_string(shown), process);
  }
}

TEST_F(Service, ShowsNothingInALinkOrAFolder) {
  std::ofstream(folder_ + "/target") << "target";
  std::filesystem::create_symlink(folder_ + "/target", folder_ + "/link");
  Outcome outcome = live("idle", {{"TALC_WATCH", folder_ + "/link"}});
  EXPECT_EQ(outcome.err, "talc: cannot show the statistics in " + folder_ + "/link: error 40\n");
  EXPECT_EQ(read_file(folder_ + "/target"), "target");
  outcome = live("idle", {{"TALC_WATCH", folder_}});
  EXPECT_EQ(outcome.err, "talc: cannot show the statistics in " + folder_ + ": error 21\n");
  EXPECT_TRUE(outcome.exited_with(0));
}

}  // namespace
