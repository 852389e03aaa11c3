// What a process reports at its end, and where: programs/ends.c under preload, one way to end at a
// time.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <string>

#include "subprocess.hpp"

namespace {

using subprocess::Conditions;
using subprocess::Outcome;

size_t count(const std::string& text, const std::string& part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
    found += 1;
  }
  return found;
}

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

class Report : public testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/talc_report_XXXXXX";
    folder_ = mkdtemp(pattern);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // Runs ends.c with TALC_STATS=json, unless `conditions` says otherwise.
  Outcome end(const std::string& how, Conditions conditions = {}) {
    conditions.environment.insert({"TALC_STATS", "json"});
    conditions.folder = folder_;
    return subprocess::run_under_talc({subprocess::program("ends"), how}, conditions);
  }

  std::string folder_;
};

// One report, of a program of that name, and nothing else.
void expect_one_report(const std::string& text, const std::string& program = "ends") {
  static const std::regex number("\"allocations\": ([0-9]+)");
  EXPECT_EQ(count(text, "\n"), 1U) << text;
  EXPECT_EQ(text.find("{\"program\": \"" + program + "\", \"process\": "), 0U) << text;
  std::smatch match;
  ASSERT_TRUE(std::regex_search(text, match, number)) << text;
  EXPECT_GE(std::stoul(match[1]), 1000U);
}

TEST_F(Report, IsNotThereUnlessAskedFor) {
  for (const char* const value : {"", "0"}) {
    const Outcome outcome = end("plain", {.environment = {{"TALC_STATS", value}}});
    EXPECT_TRUE(outcome.exited_with(0));
    EXPECT_EQ(outcome.err, "");
  }
}

TEST_F(Report, IsJsonOrText) {
  expect_one_report(end("plain").err);
  for (const char* const value : {"1", "text"}) {
    const std::string text = end("plain", {.environment = {{"TALC_STATS", value}}}).err;
    EXPECT_EQ(text.find("talc: ends, process "), 0U) << text;
    EXPECT_EQ(count(text, "talc: "), 1U);
    EXPECT_NE(text.find("\n  allocations "), std::string::npos);
  }
}

TEST_F(Report, LeavesTheExitStatusAndTheOutput) {
  const Outcome outcome = end("fail");
  EXPECT_TRUE(outcome.exited_with(7)) << outcome.describe();
  EXPECT_EQ(outcome.out, "");
  expect_one_report(outcome.err);
}

TEST_F(Report, SurvivesAClosedStandardError) { expect_one_report(end("close_stderr").err); }

TEST_F(Report, OfCoreutilsToo) {
  const Outcome outcome =
      subprocess::run_under_talc({"sleep", "0"}, {.environment = {{"TALC_STATS", "json"}}});
  EXPECT_EQ(outcome.err.find("{\"program\": \"sleep\""), 0U) << outcome.describe();
}

TEST_F(Report, GoesWhereStandardErrorWas) { expect_one_report(end("redirect_stderr").err); }

TEST_F(Report, SurvivesTheClosingOfAllElse) { expect_one_report(end("close_all").err); }

TEST_F(Report, IsNotWrittenIntoAnotherFile) {
  const Outcome outcome = end("replace_all");
  EXPECT_TRUE(outcome.exited_with(0)) << outcome.describe();
  EXPECT_EQ(outcome.err, "");
  EXPECT_TRUE(std::filesystem::exists(folder_ + "/victim"));
  EXPECT_EQ(read_file(folder_ + "/victim"), "");
}

TEST_F(Report, NeedsNoStandardErrorAtAll) {
  const Outcome outcome = end("plain", {.closed_stderr = true});
  EXPECT_TRUE(outcome.exited_with(0)) << outcome.describe();
  EXPECT_EQ(outcome.err, "");
}

TEST_F(Report, FindsANumberWhereFewAreAllowed) {
  expect_one_report(end("few_descriptors").err, "executed");
}

TEST_F(Report, IsOneForEachForkedChild) {
  const Outcome outcome = end("fork_three");
  EXPECT_EQ(count(outcome.err, "{\"program\": \"ends\""), 4U) << outcome.describe();
  EXPECT_EQ(count(outcome.err, "\n"), 4U);
}

TEST_F(Report, IsNotThereAfterExitWithoutDestructors) { EXPECT_EQ(end("leave_at_once").err, ""); }

TEST_F(Report, IsOfWhatWasExecutedOnly) { expect_one_report(end("execute").err, "executed"); }

TEST_F(Report, WorksWhileThreadsAllocate) {
  for (int i = 0; i < 20; ++i) {
    const Outcome outcome = end("run_threads");
    EXPECT_TRUE(outcome.exited_with(0)) << outcome.describe();
    expect_one_report(outcome.err);
  }
}

TEST_F(Report, WorksInAThreadWithASmallStack) {
  const Outcome outcome = end("small_thread");
  EXPECT_TRUE(outcome.exited_with(0)) << outcome.describe();
  expect_one_report(outcome.err);
}

TEST_F(Report, DoesNotNeedTheEnvironmentLater) {
  const std::string pattern = folder_ + "/report";
  const Outcome outcome =
      end("overwrite_environment", {.environment = {{"TALC_STATS_FILE", pattern}}});
  EXPECT_TRUE(outcome.exited_with(0)) << outcome.describe();
  expect_one_report(read_file(pattern));
}

TEST_F(Report, TakesADescriptorOnlyWhenAskedFor) {
  const Conditions without = {.environment = {{"TALC_STATS", ""}}};
  EXPECT_EQ(end("count_descriptors", without).out, "3 open\n");
  EXPECT_EQ(end("count_descriptors").out, "4 open\n");
  EXPECT_EQ(end("count_inherited").out, "3 open\n");
}

TEST_F(Report, GoesToAFileNamedByProgramAndProcess) {
  const Outcome outcome =
      end("fork_three", {.environment = {{"TALC_STATS_FILE", folder_ + "/%e-%p-100%%"}}});
  EXPECT_EQ(outcome.err, "") << outcome.describe();
  const std::regex name("ends-[0-9]+-100%");
  size_t files = 0;
  for (const auto& file : std::filesystem::directory_iterator(folder_)) {
    EXPECT_TRUE(std::regex_match(file.path().filename().string(), name)) << file;
    expect_one_report(read_file(file.path()));
    files += 1;
  }
  EXPECT_EQ(files, 4U);
}

TEST_F(Report, IsAppendedToAFile) {
  const std::string path = folder_ + "/all";
  const Conditions conditions = {.environment = {{"TALC_STATS_FILE", path}}};
  end("plain", conditions);
  end("fork_three", conditions);
  EXPECT_EQ(count(read_file(path), "\n"), 5U);
  struct stat status;
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600U);
}

TEST_F(Report, IsTextIfOnlyAFileIsGiven) {
  const std::string path = folder_ + "/text";
  end("plain", {.environment = {{"TALC_STATS_FILE", path}, {"TALC_STATS", ""}}});
  EXPECT_EQ(read_file(path).find("talc: ends, process "), 0U);
}

TEST_F(Report, GoesToAFileWhereTheProgramWasStarted) {
  const Outcome outcome = end("change_folder", {.environment = {{"TALC_STATS_FILE", "report"}}});
  EXPECT_EQ(outcome.err, "");
  expect_one_report(read_file(folder_ + "/report"));
}

TEST_F(Report, FollowsNoLink) {
  std::ofstream(folder_ + "/target").close();
  std::filesystem::create_symlink(folder_ + "/target", folder_ + "/link");
  const Outcome outcome =
      end("close_stderr", {.environment = {{"TALC_STATS_FILE", folder_ + "/link"}}});
  EXPECT_TRUE(outcome.exited_with(0));
  EXPECT_EQ(outcome.err, "talc: cannot write the statistics to " + folder_ + "/link: error 40\n");
  EXPECT_EQ(read_file(folder_ + "/target"), "");
}

TEST_F(Report, SaysWhenTheFileCannotBeOpened) {
  const std::string path = folder_ + "/missing/report";
  const Outcome outcome = end("fail", {.environment = {{"TALC_STATS_FILE", path}}});
  EXPECT_TRUE(outcome.exited_with(7));
  EXPECT_EQ(outcome.err, "talc: cannot write the statistics to " + path + ": error 2\n");
}

TEST_F(Report, ComesWithWarningsAboutOptions) {
  const Outcome outcome =
      end("plain", {.environment = {{"TALC_STATS", "loud"}, {"TALC_NONE", "1"}}});
  EXPECT_TRUE(outcome.exited_with(0));
  EXPECT_EQ(
      count(outcome.err, "talc: TALC_STATS must be 0, 1, text, json, prom or xml, not 'loud'\n"),
      1U);
  EXPECT_EQ(count(outcome.err, "talc: unknown option TALC_NONE\n"), 1U);
  EXPECT_EQ(count(outcome.err, "\n"), 2U) << outcome.err;
}

}  // namespace
