// Every system call that the libraries make, and no other: programs/sandbox.c under preload, where a call
// that is not on the list kills. docs/SYSTEM_CALLS.md has the same list, for people who write filters.
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "subprocess.hpp"

namespace {

using Calls = std::vector<std::string>;

const std::map<std::string, int> kNumbers = {
#define TALC_NUMBER(name) \
  { #name, SYS_##name }
    TALC_NUMBER(mmap),
    TALC_NUMBER(munmap),
    TALC_NUMBER(mremap),
    TALC_NUMBER(madvise),
    TALC_NUMBER(mincore),
    TALC_NUMBER(prctl),
    TALC_NUMBER(sched_getaffinity),
    TALC_NUMBER(futex),
    TALC_NUMBER(clock_gettime),
    TALC_NUMBER(nanosleep),
    TALC_NUMBER(getpid),
    TALC_NUMBER(newfstatat),
    TALC_NUMBER(fcntl),
    TALC_NUMBER(getcwd),
    TALC_NUMBER(openat),
    TALC_NUMBER(write),
    TALC_NUMBER(close),
    TALC_NUMBER(read),
    TALC_NUMBER(getrusage),
    TALC_NUMBER(rt_sigaction),
    TALC_NUMBER(rt_sigprocmask),
    TALC_NUMBER(ftruncate),
    TALC_NUMBER(kill),
    TALC_NUMBER(process_vm_writev),
    TALC_NUMBER(prctl),
    // What only the C library makes, for programs and for these.
    TALC_NUMBER(brk),
    TALC_NUMBER(clone),
    TALC_NUMBER(clone3),
    TALC_NUMBER(execve),
    TALC_NUMBER(exit),
    TALC_NUMBER(exit_group),
    TALC_NUMBER(faccessat),
    TALC_NUMBER(getrandom),
    TALC_NUMBER(mprotect),
    TALC_NUMBER(pread64),
    TALC_NUMBER(prlimit64),
    TALC_NUMBER(rseq),
    TALC_NUMBER(set_robust_list),
    TALC_NUMBER(set_tid_address),
    TALC_NUMBER(wait4),
#ifdef SYS_access
    TALC_NUMBER(access),
    TALC_NUMBER(arch_prctl),
#endif
#undef TALC_NUMBER
};

// ---- the list ----

const Calls kMemory = {"mmap", "munmap", "mremap", "madvise", "mincore"};
const Calls kGuards = {"mprotect", "prlimit64"};  // the hardened library's
const Calls kThreads = {"sched_getaffinity", "futex", "clock_gettime", "nanosleep"};
const Calls kStatistics = {"newfstatat", "fcntl", "getcwd", "openat",
                           "read",       "write", "close",  "getrusage"};
const Calls kStart = {"getpid"};  // and in the child of a fork
const Calls kBackground = {"rt_sigprocmask", "prctl", "openat", "read", "close"};
const Calls kService = {"rt_sigaction", "ftruncate", "kill", "process_vm_writev"};
const Calls kOptions = {"prctl"};

// ---- what the C library adds ----

const Calls kEnd = {"exit_group"};
const Calls kLibcThreads = {"clone",           "clone3",  "exit",           "mprotect",     "rseq",
                            "set_robust_list", "madvise", "rt_sigprocmask", "rt_sigaction", "mmap",
                            "munmap"};
const Calls kLibcFork = {"clone", "wait4", "set_robust_list"};
const Calls kLibcStart = {
    "execve", "brk",        "openat",    "read",      "pread64",         "newfstatat",
    "close",  "mmap",       "mprotect",  "munmap",    "set_tid_address", "set_robust_list",
    "rseq",   "prlimit64",  "getrandom", "faccessat",
#ifdef SYS_access
    "access", "arch_prctl",
#endif
};

Calls all_of(const std::vector<Calls>& lists) {
  Calls all;
  for (const Calls& list : lists) {
    all.insert(all.end(), list.begin(), list.end());
  }
  return all;
}

// Then there is none of the library's.
const std::map<std::string, std::string> kNoThread = {{"TALC_BACKGROUND_THREAD", "0"}};

std::vector<std::string> sandboxed(const std::string& life, const Calls& allowed,
                                   const std::string& without) {
  Calls command = {subprocess::program("sandbox"), life};
  for (const std::string& call : allowed) {
    if (call != without) {
      command.push_back(std::to_string(kNumbers.at(call)));
    }
  }
  return command;
}

subprocess::Outcome live(const std::string& life, const Calls& allowed,
                         const std::string& without = "",
                         std::map<std::string, std::string> environment = {}) {
  return subprocess::run_under_talc(sandboxed(life, allowed, without),
                                    {.environment = std::move(environment)});
}

subprocess::Outcome live_hardened(const std::string& life, const Calls& allowed,
                                  const std::string& without = "",
                                  std::map<std::string, std::string> environment = {}) {
  environment["LD_PRELOAD"] = subprocess::hardened_library();
  return subprocess::run(sandboxed(life, allowed, without),
                         {.environment = std::move(environment)});
}

TEST(SystemCalls, ForMemoryAreFive) {
  const auto outcome = live("memory", all_of({kMemory, kEnd}), "", kNoThread);
  EXPECT_TRUE(outcome.exited_with(0)) << outcome.describe();
  for (const std::string& call : kMemory) {
    EXPECT_TRUE(live("memory", all_of({kMemory, kEnd}), call, kNoThread).killed_by(SIGSYS)) << call;
  }
}

TEST(SystemCalls, WithThreadsAreFourMore) {
  const Calls allowed = all_of({kMemory, kThreads, kLibcThreads, kEnd});
  const auto outcome = live("threads", allowed, "", kNoThread);
  EXPECT_TRUE(outcome.exited_with(0)) << outcome.describe();
  EXPECT_TRUE(live("threads", allowed, "sched_getaffinity", kNoThread).killed_by(SIGSYS));
}

TEST(SystemCalls, WithAThreadOfOursAreFiveMore) {
  const Calls allowed =
      all_of({kStart, kMemory, kThreads, kLibcThreads, kBackground, kLibcFork, kEnd});
  for (const char* const life : {"memory", "threads", "fork"}) {
    const auto outcome = live(life, allowed);
    EXPECT_TRUE(outcome.exited_with(0)) << life << outcome.describe();
  }
}

TEST(SystemCalls, WithForkAreNoMore) {
  const auto outcome = live("fork", all_of({kStart, kMemory, kLibcFork, kEnd}), "", kNoThread);
  EXPECT_TRUE(outcome.exited_with(0)) << outcome.describe();
}

TEST(SystemCalls, WithStatisticsAreEightMore) {
  const std::map<std::string, std::string> to_stderr = {{"TALC_STATS", "json"}};
  const std::map<std::string, std::string> to_file = {{"TALC_STATS_FILE", "talc_sandbox_report"}};
  const Calls start = all_of({kLibcStart, kStart, kMemory, kEnd});
  const Calls allowed = all_of({start, kStatistics});
  const std::string program = subprocess::program("ends");
  for (const auto& environment : {to_stderr, to_file}) {
    const auto outcome = live(program, allowed, "", environment);
    EXPECT_TRUE(outcome.exited_with(0)) << outcome.describe();
  }
  EXPECT_TRUE(std::filesystem::remove("talc_sandbox_report"));
  EXPECT_TRUE(live(program, start).exited_with(0));  // none of them without statistics
  for (const std::string call : {"mincore", "getpid", "fcntl", "write", "read", "getrusage"}) {
    EXPECT_TRUE(live(program, allowed, call, to_stderr).killed_by(SIGSYS)) << call;
  }
  EXPECT_TRUE(live(program, allowed, "getcwd", to_file).killed_by(SIGSYS));
}

TEST(SystemCalls, WithOptionsIsOneMore) {
  const Calls start = all_of({kLibcStart, kStart, kMemory, kEnd});
  const std::string program = subprocess::program("ends");
  const std::map<std::string, std::string> no_huge_pages = {{"TALC_THP", "never"}};
  EXPECT_TRUE(live(program, all_of({start, kOptions}), "", no_huge_pages).exited_with(0));
  EXPECT_TRUE(live(program, start, "", no_huge_pages).killed_by(SIGSYS));
  // To open, read and close is also what begins a program.
  for (const char* const option : {"TALC_HEAP_LIMIT=50%", "TALC_THP=always", "TALC_FOREIGN=libc"}) {
    const std::string text = option;
    const size_t equals = text.find('=');
    const auto outcome =
        live(program, start, "", {{text.substr(0, equals), text.substr(equals + 1)}});
    EXPECT_TRUE(outcome.exited_with(0)) << outcome.describe();
    EXPECT_EQ(outcome.err, "");
  }
}

TEST(SystemCalls, WhileTheProgramRunsAreFourMore) {
  const std::string page = testing::TempDir() + "talc_sandbox_page";
  const std::map<std::string, std::string> environment = {
      {"TALC_STATS_INTERVAL", "0.25"}, {"TALC_STATS_SIGNAL", "USR2"}, {"TALC_WATCH", page}};
  const Calls allowed = all_of({kLibcStart, kStart, kMemory, kThreads, kBackground, kStatistics,
                                kService, kLibcThreads, kEnd});
  const std::string program = subprocess::program("rests");
  for (int i = 0; i < 2; ++i) {  // the page of a process that has ended is looked at, too
    const auto outcome = live(program, allowed, "", environment);
    EXPECT_TRUE(outcome.exited_with(0)) << outcome.describe();
    EXPECT_NE(outcome.err.find("interval"), std::string::npos);
  }
  // "kill" may be left out: sandbox.c itself, before it is this program, may have shown the page.
  for (const std::string call : {"rt_sigaction", "ftruncate", "process_vm_writev"}) {
    const auto outcome = live(program, allowed, call, environment);
    EXPECT_TRUE(outcome.killed_by(SIGSYS)) << call << outcome.describe();
  }
  EXPECT_TRUE(std::filesystem::remove(page));
}

TEST(SystemCalls, OfTheHardenedLibraryAreOneMore) {
  const Calls memory = all_of({kMemory, kGuards, kEnd});
  const auto outcome = live_hardened("memory", memory, "", kNoThread);
  EXPECT_TRUE(outcome.exited_with(0)) << outcome.describe();
  for (const std::string& call : all_of({kMemory, kGuards})) {
    EXPECT_TRUE(live_hardened("memory", memory, call, kNoThread).killed_by(SIGSYS)) << call;
  }
}

// Threads and the start of a program take mprotect anyway.
TEST(SystemCalls, OfTheHardenedLibraryAreThoseOfTheOtherOtherwise) {
  const Calls memory = all_of({kStart, kMemory, kGuards, kLibcFork, kEnd});
  const Calls threads = all_of({memory, kThreads, kLibcThreads});
  const Calls program = all_of({kLibcStart, threads, kBackground, kStatistics, kService});
  const struct {
    std::string life;
    Calls allowed;
    std::map<std::string, std::string> environment;
  } lives[] = {
      {"fork", memory, kNoThread},
      {"threads", threads, kNoThread},
      {"memory", all_of({threads, kBackground}), {}},
      {subprocess::program("ends"),
       all_of({kLibcStart, kStart, kMemory, kStatistics, kEnd}),
       {{"TALC_STATS", "json"}}},
      {subprocess::program("rests"), program, {{"TALC_STATS_INTERVAL", "0.25"}}},
  };
  for (const auto& [life, allowed, environment] : lives) {
    const auto outcome = live_hardened(life, allowed, "", environment);
    EXPECT_TRUE(outcome.exited_with(0)) << life << outcome.describe();
  }
}

// Rows that begin with a call's name, in code font.
TEST(SystemCalls, AreThoseOfTheDocument) {
  std::ifstream document(subprocess::source_folder() + "/docs/SYSTEM_CALLS.md");
  std::set<std::string> documented;
  const std::regex row("^\\| `([a-z0-9_]+)` \\|");
  std::smatch match;
  for (std::string line; std::getline(document, line);) {
    if (std::regex_search(line, match, row)) {
      EXPECT_TRUE(documented.insert(match[1]).second) << match[1] << " is there twice";
    }
  }
  const Calls all =
      all_of({kStart, kMemory, kGuards, kThreads, kBackground, kStatistics, kService});
  EXPECT_EQ(documented, std::set<std::string>(all.begin(), all.end()));
}

}  // namespace
