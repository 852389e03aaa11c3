// What a process reports at its end, and where: programs/ends.c under preload, one way to end at a
// time.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

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

// A mapping of talc, or that which follows them, its .bss.
struct Mapping {
  bool is_file;
  // Not what smaps calls dirty: of a file that was just linked all is, until the disk has it.
  size_t written_kib;
  bool has_no_huge_pages;
};

std::vector<Mapping> mappings_of_library(const std::string& smaps) {
  const std::regex head("[0-9a-f]+-[0-9a-f]+ .{4} [0-9a-f]+ [0-9a-f:]+ [0-9]+ *(.*)");
  const std::regex written("Anonymous: *([0-9]+) kB");
  std::istringstream lines(smaps);
  std::vector<Mapping> mappings;
  bool was_ours = false;
  bool is_counted = false;
  std::smatch match;
  for (std::string line; std::getline(lines, line);) {
    if (std::regex_match(line, match, head)) {
      const bool is_ours = match[1].str().find("libtalc") != std::string::npos;
      is_counted = is_ours || (was_ours && match[1].length() == 0);
      was_ours = is_ours;
      if (is_counted) {
        mappings.push_back({is_ours, 0, false});
      }
    } else if (is_counted && std::regex_match(line, match, written)) {
      mappings.back().written_kib = std::stoul(match[1]);
    } else if (is_counted && line.rfind("VmFlags:", 0) == 0) {
      mappings.back().has_no_huge_pages = line.find(" nh") != std::string::npos;
    }
  }
  return mappings;
}

// What the loader and the constructor write stands together. Every page of it is a page fault and 4 KiB
// for each process there is.
TEST(Start, WritesSixPages) {
  if (getpagesize() != 4096) {
    GTEST_SKIP() << "pages are of another size";
  }
  const Outcome outcome = subprocess::run_under_talc({subprocess::program("mapped")});
  size_t kib = 0;
  for (const Mapping& mapping : mappings_of_library(outcome.out)) {
    kib += mapping.written_kib;
  }
  EXPECT_GT(kib, 0U) << outcome.describe();
  EXPECT_LE(kib, 24U) << outcome.out;
}

// Where the kernel gives huge pages unasked, one page written would become 2 MiB.
TEST(Start, RefusesHugePagesForItsOwnVariables) {
  if (!std::filesystem::exists("/sys/kernel/mm/transparent_hugepage")) {
    GTEST_SKIP() << "this kernel has no transparent huge pages";
  }
  const Outcome outcome = subprocess::run_under_talc({subprocess::program("mapped")});
  const std::vector<Mapping> mappings = mappings_of_library(outcome.out);
  ASSERT_FALSE(mappings.empty()) << outcome.describe();
  EXPECT_FALSE(mappings.back().is_file) << outcome.out;
  EXPECT_TRUE(mappings.back().has_no_huge_pages) << outcome.out;
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
  EXPECT_EQ(text.find("{\"schema\": 1, "), 0U) << text;
  EXPECT_NE(text.find("\"program\": \"" + program + "\", \"process\": "), std::string::npos)
      << text;
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
  EXPECT_NE(outcome.err.find("\"program\": \"sleep\""), std::string::npos) << outcome.describe();
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
  EXPECT_EQ(count(outcome.err, "\"program\": \"ends\""), 4U) << outcome.describe();
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

// ---- other forms, other places ----

// What python3 says of a report.
Outcome judge(const std::string& program, const std::string& file) {
  return subprocess::run({"python3", "-c", program, file});
}

TEST_F(Report, IsJsonThatAddsUp) {
  for (const char* const how : {"plain", "fork_three"}) {
    const std::string path = folder_ + "/" + how;
    end(how, {.environment = {{"TALC_STATS_FILE", path}}});
    const Outcome verdict = judge(R"(
import json, sys
for line in open(sys.argv[1]):
    r = json.loads(line)
    assert r["mapped"] == r["active"] + r["metadata"] + r["retained"]
    assert r["retained"] == sum(r[k] for k in ("cached", "in_transit", "slab_free", "group_free", "gaps", "kept"))
    assert r["retained"] == r["dirty"] + r["purged"]
    assert r["system_calls"] == sum(r["calls"].values())
    assert r["kernel"]["rss"] > 0 and r["kernel"]["mappings"] > 5 and r["kernel"]["minor_faults"] > 0
    assert r["resident"] <= r["kernel"]["rss"]
    assert r["reason"] == "exit" and abs(r["timestamp"] - __import__("time").time()) < 600
    assert all(c["live"] + c["cached"] + c["in_transit"] + c["free"] == c["slots"] for c in r["classes"])
    assert sum(a["mapped"] for a in r["arenas"]) == sum(h["bytes"] for h in r["heap_map"])
    assert all(len(h["cells"]) == -(-h["bytes"] // h["cell"]) <= 512 for h in r["heap_map"])
    assert r["options"]["stats"] == "json" and r["options"]["purge_delay"] == 1000
)",
                                  path);
    EXPECT_TRUE(verdict.exited_with(0)) << how << verdict.describe();
  }
}

TEST_F(Report, IsXmlThatCanBeParsed) {
  const std::string path = folder_ + "/xml";
  end("plain", {.environment = {{"TALC_STATS", "xml"}, {"TALC_STATS_FILE", path}}});
  const Outcome verdict = judge(R"(
import sys, xml.etree.ElementTree as tree
root = tree.parse(sys.argv[1]).getroot()
assert root.tag == "malloc" and root.get("version") == "1"
fields = {f.get("name"): f.get("value") for f in root.iter("field")}
assert int(fields["mapped"]) == int(root.find("system[@type='current']").get("size")) > 0
free = sum(int(root.find(f"total[@type='{t}']").get("size")) for t in ("fast", "rest"))
assert int(fields["retained"]) == free
)",
                                path);
  EXPECT_TRUE(verdict.exited_with(0)) << verdict.describe();
}

TEST_F(Report, IsForPrometheus) {
  const std::string text = end("plain", {.environment = {{"TALC_STATS", "prom"}}}).err;
  const std::regex line(
      "(# (HELP|TYPE) talc_[a-z_]+ "
      "[^\n]+|talc_[a-z_]+\\{program=\"ends\",process=\"[0-9]+\"[^}]*\\} "
      "[0-9.]+)\n");
  EXPECT_EQ(std::regex_replace(text, line, ""), "");
  EXPECT_NE(text.find("\ntalc_allocations_total{"), std::string::npos) << text;
}

TEST_F(Report, GoesToADescriptor) {
  const auto run = [&](const std::string& option) {
    return subprocess::run_under_talc(
        {"sh", "-c", "exec \"$0\" plain 7>out", subprocess::program("ends")},
        {.environment = {{"TALC_STATS", "json"}, {"TALC_STATS_FILE", option}}, .folder = folder_});
  };
  EXPECT_EQ(run("fd:7").err, "");
  expect_one_report(read_file(folder_ + "/out"));
  const Outcome outcome = run("fd:9");
  EXPECT_TRUE(outcome.exited_with(0));
  EXPECT_EQ(outcome.err, "talc: cannot write the statistics to fd:9: error 9\n");
}

TEST_F(Report, IsNotWrittenToADescriptorThatIsAnotherFileNow) {
  const Outcome outcome = subprocess::run_under_talc(
      {"sh", "-c", "exec \"$0\" replace_all 7>out", subprocess::program("ends")},
      {.environment = {{"TALC_STATS_FILE", "fd:7"}}, .folder = folder_});
  EXPECT_TRUE(outcome.exited_with(0)) << outcome.describe();
  EXPECT_EQ(read_file(folder_ + "/victim"), "");
  EXPECT_EQ(read_file(folder_ + "/out"), "");
}

// A socket that keeps messages apart tells how many there were.
TEST_F(Report, IsOneWrite) {
  for (const char* const form : {"text", "json", "prom", "xml"}) {
    const Outcome outcome =
        subprocess::run({"python3", "-c", R"(
import os, socket, subprocess, sys
ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
for s in (ours, theirs):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
environment = dict(os.environ, LD_PRELOAD=sys.argv[2], TALC_STATS=sys.argv[3],
                   TALC_STATS_FILE=f"fd:{theirs.fileno()}")
subprocess.run([sys.argv[1], "plain"], env=environment, pass_fds=[theirs.fileno()], check=True)
theirs.close()
messages = []
while message := ours.recv(1 << 20):
    messages.append(message)
print(len(messages), messages[0][-1:])
)",
                         subprocess::program("ends"), subprocess::library(), form});
    EXPECT_EQ(outcome.out, "1 b'\\n'\n") << form << outcome.describe();
  }
}

}  // namespace
