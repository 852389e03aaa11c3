// Programs linked with talc, in each way there is, by the compilers that a user would call.
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include "subprocess.hpp"

namespace {

using subprocess::Outcome;

struct Way {
  const char* name;
  std::vector<std::string> flags;
  std::string c = "cc";
  std::string cxx = "c++";
};

class Link : public testing::TestWithParam<Way> {
 protected:
  void SetUp() override {
    if (!subprocess::run({GetParam().cxx, "--version"}).exited_with(0)) {
      GTEST_SKIP() << "there is no " << GetParam().cxx;
    }
    char pattern[] = "/tmp/talc_link_XXXXXX";
    folder_ = mkdtemp(pattern);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // Compiles a program of tests/interpose/programs, and links it this way.
  Outcome build(const std::string& source, const std::vector<std::string>& options = {}) {
    const bool is_c = source.back() == 'c';
    std::vector<std::string> command = {
        is_c ? GetParam().c : GetParam().cxx,
        is_c ? "-std=gnu11" : "-std=c++20",
        "-O1",
        "-I",
        subprocess::source_folder() + "/lib",
        subprocess::source_folder() + "/tests/interpose/programs/" + source,
        "-o",
        folder_ + "/program",
        "-pthread",
        "-L",
        subprocess::build_folder()};
    command.insert(command.end(), options.begin(), options.end());
    command.insert(command.end(), GetParam().flags.begin(), GetParam().flags.end());
    return subprocess::run(command);
  }

  Outcome run() {
    return subprocess::run(
        {folder_ + "/program"},
        {.environment = {{"LD_LIBRARY_PATH", subprocess::build_folder()}, {"TALC_STATS", "json"}}});
  }

  // Builds and runs, and expects talc to have served so many blocks.
  void expect_served(const std::string& source, unsigned long least) {
    const Outcome built = build(source);
    ASSERT_TRUE(built.exited_with(0)) << built.describe();
    EXPECT_EQ(built.err, "");
    const Outcome outcome = run();
    EXPECT_TRUE(outcome.exited_with(0)) << outcome.describe();
    std::smatch match;
    const std::regex allocations("\"program\": \"program\".*?\"allocations\": ([0-9]+)");
    ASSERT_TRUE(std::regex_search(outcome.err, match, allocations)) << outcome.describe();
    EXPECT_GE(std::stoul(match[1]), least);
  }

  std::string folder_;
};

TEST_P(Link, ServesAProgramInC) { expect_served("linked.c", 50'000); }

TEST_P(Link, ServesAProgramInCxx) { expect_served("linked.cpp", 10'000); }

TEST_P(Link, ServesArenasInC) {
  const Outcome built = build("c_arena.c", {"-Wall", "-Wextra", "-Wpedantic", "-Werror"});
  ASSERT_TRUE(built.exited_with(0)) << built.describe();
  const Outcome outcome = run();
  EXPECT_TRUE(outcome.exited_with(0)) << outcome.describe();
  EXPECT_EQ(outcome.out, "ok\n");
}

TEST_P(Link, LetsAProgramInCControlIt) {
  const Outcome built = build(
      "controlled.c", {"-Wall", "-Wextra", "-Wpedantic", "-Wno-free-nonheap-object", "-Werror"});
  ASSERT_TRUE(built.exited_with(0)) << built.describe();
  const Outcome outcome = run();
  EXPECT_TRUE(outcome.exited_with(0)) << outcome.describe();
  EXPECT_EQ(outcome.out.find("{\"schema\": 1, "), 0U) << outcome.describe();
  EXPECT_NE(outcome.out.find("\ntalc: invalid pointer: 0x"), std::string::npos)
      << outcome.describe();
}

// By it the dynamic linker tells at the start, not at the first call, that a library is too old.
TEST_P(Link, NotesTheVersionThatAProgramNeeds) {
  if (GetParam().flags[0] != "-ltalc") {
    GTEST_SKIP() << "talc is in the program itself";
  }
  const Outcome built = build("controlled.c", {"-Wno-free-nonheap-object"});
  ASSERT_TRUE(built.exited_with(0)) << built.describe();
  const Outcome outcome = subprocess::run({"nm", "-D", "--undefined-only", folder_ + "/program"});
  EXPECT_NE(outcome.out.find(" talc_ctl@TALC_1\n"), std::string::npos) << outcome.out;
}

TEST_P(Link, LeavesAProgramItsOwnOperators) {
  const Outcome built = build("replaced_new.cpp");
  ASSERT_TRUE(built.exited_with(0)) << built.describe();
  const Outcome outcome = run();
  EXPECT_TRUE(outcome.exited_with(0)) << outcome.describe();
}

TEST_P(Link, LeavesAProgramItsOwnEngine) {
  const Outcome built = build("own_engine.cpp", {"-DTALC_DEBUG"});
  ASSERT_TRUE(built.exited_with(0)) << built.describe();
  const Outcome outcome = run();
  EXPECT_TRUE(outcome.exited_with(0)) << outcome.describe();
}

// Kilobytes of the mappings in a copy of /proc/self/smaps that may have no huge pages.
unsigned long kib_without_huge_pages(const std::string& smaps) {
  const std::regex size("Size: *([0-9]+) kB");
  std::istringstream lines(smaps);
  std::smatch match;
  unsigned long sum = 0;
  unsigned long kib = 0;
  for (std::string line; std::getline(lines, line);) {
    if (std::regex_match(line, match, size)) {
      kib = std::stoul(match[1]);
    } else if (line.rfind("VmFlags:", 0) == 0 && line.find(" nh") != std::string::npos) {
      sum += kib;
    }
  }
  return sum;
}

// In an archive, too, whose .bss is the program's otherwise: the page map's two tables, of 4 and 2 MiB.
TEST_P(Link, RefusesHugePagesForThePageMap) {
  if (GetParam().flags[0] == "-ltalc") {
    GTEST_SKIP() << "process_test.cpp asks for more of the shared library";
  }
  if (!std::filesystem::exists("/sys/kernel/mm/transparent_hugepage") || sizeof(void*) != 8) {
    GTEST_SKIP() << "this kernel has no transparent huge pages, or tables are smaller";
  }
  const Outcome built = build("mapped.c", {"-u", "malloc"});
  ASSERT_TRUE(built.exited_with(0)) << built.describe();
  const Outcome outcome = run();
  EXPECT_TRUE(outcome.exited_with(0)) << outcome.describe();
  EXPECT_GT(kib_without_huge_pages(outcome.out), 5UL << 10) << outcome.out;
}

// Who starts a program that runs as another user must not choose what it writes.
TEST_P(Link, ReadsNoOptionsInASetUidProgram) {
  if (geteuid() != 0 || GetParam().flags[0] == "-ltalc") {
    GTEST_SKIP() << "takes root, and a program that finds talc without LD_LIBRARY_PATH";
  }
  const Outcome built = build("ends.c");
  ASSERT_TRUE(built.exited_with(0)) << built.describe();
  const std::string path = folder_ + "/program";
  const auto end = [&] {
    return subprocess::run({path, "plain"},
                           {.environment = {{"TALC_STATS", "text"}, {"TALC_NONE", "1"}}});
  };
  EXPECT_NE(end().err, "");
  constexpr uid_t kNobody = 65534;
  ASSERT_EQ(chown(path.c_str(), kNobody, kNobody), 0);
  ASSERT_EQ(chmod(path.c_str(), S_ISUID | 0755), 0);
  const Outcome outcome = end();
  EXPECT_TRUE(outcome.exited_with(0)) << outcome.describe();
  EXPECT_EQ(outcome.err, "");
}

INSTANTIATE_TEST_SUITE_P(
    Ways, Link,
    testing::Values(
        Way{"shared", {"-ltalc"}}, Way{"archive", {"-l:libtalc.a"}},
        Way{"static", {"-l:libtalc.a", "-static"}},
        Way{"static_pie", {"-l:libtalc.a", "-static-pie"}},
        // What the program makes of malloc and memset then, talc must not. It may have lost
        // all its calls of malloc, and the archive is asked for by libc's alone.
        Way{"static_pie_lto", {"-u", "malloc", "-l:libtalc.a", "-static-pie", "-O2", "-flto=auto"}},
        // clang leaves out a block that nobody looks into, unless told not to.
        Way{"static_pie_clang",
            {"-l:libtalc.a", "-static-pie", "-fno-builtin"},
            "clang",
            "clang++"}),
    [](const auto& way) { return std::string(way.param.name); });

}  // namespace
