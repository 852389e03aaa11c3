// Programs that are watched by a memory checker, with talc preloaded: programs/checked.c under Valgrind, and
// built with AddressSanitizer. Both bring a malloc of their own, and must find what they find without talc.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <string>
#include <vector>

#include "subprocess.hpp"

namespace {

using subprocess::Outcome;
using Words = std::vector<std::string>;

constexpr int kFound = 9;  // how a checker that found something ends a program

Words operator+(Words a, const Words& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

class Checkers : public testing::TestWithParam<bool> {
 protected:
  static std::string library() {
    return GetParam() ? subprocess::hardened_library() : subprocess::library();
  }
};

class Valgrind : public Checkers {
 protected:
  void SetUp() override {
    if (!subprocess::run({"valgrind", "--version"}).exited_with(0)) {
      GTEST_SKIP() << "there is no valgrind";
    }
  }
  static Outcome run(const Words& options, const Words& arguments = {}) {
    return subprocess::run(Words{"valgrind", "-q", "--error-exitcode=" + std::to_string(kFound)} +
                               options + Words{subprocess::program("checked")} + arguments,
                           {.environment = {{"LD_PRELOAD", library()}}, .seconds = 100});
  }
};

// It puts its own functions in the place of any library's that are called so.
TEST_P(Valgrind, FindsWhatItFindsWithoutTalc) {
  const Words leaks = {"--leak-check=full"};
  const Outcome good = run(leaks);
  EXPECT_TRUE(good.exited_with(0)) << good.describe();
  EXPECT_EQ(good.err, "");
  const Outcome leak = run(leaks, {"leak"});
  EXPECT_TRUE(leak.exited_with(kFound)) << leak.describe();
  EXPECT_NE(leak.err.find("1,234 bytes in 1 blocks are definitely lost"), std::string::npos);
  const Outcome freed = run({}, {"use_after_free"});
  EXPECT_TRUE(freed.exited_with(kFound)) << freed.describe();
  EXPECT_NE(freed.err.find("Invalid read of size 1"), std::string::npos);
}

// And if it is told not to: nothing that talc does is taken for a mistake.
TEST_P(Valgrind, HasNoComplaintsOfTalcItself) {
  const Outcome outcome = run({"--soname-synonyms=somalloc=nouserintercepts"});
  EXPECT_TRUE(outcome.exited_with(0)) << outcome.describe();
  EXPECT_EQ(outcome.err, "");
}

INSTANTIATE_TEST_SUITE_P(Libraries, Valgrind, testing::Bool(), [](const auto& is_hardened) {
  return std::string(is_hardened.param ? "Hardened" : "Plain");
});

class AddressSanitizer : public Checkers {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/talc_checkers_XXXXXX";
    folder_ = mkdtemp(pattern);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  bool build(const std::string& compiler) {
    const std::string source = subprocess::source_folder() + "/tests/interpose/programs/checked.c";
    return subprocess::run({compiler, "-fsanitize=address", "-O1", "-pthread", source, "-o",
                            folder_ + "/program"})
        .exited_with(0);
  }
  Outcome run(const std::string& preloaded, const Words& arguments) {
    // It does not know all the address layouts that newer kernels choose from.
    const Words fixed_layout = {"setarch", "-R"};
    const bool may_fix = subprocess::run(fixed_layout + Words{"true"}).exited_with(0);
    return subprocess::run(
        (may_fix ? fixed_layout : Words()) + Words{folder_ + "/program"} + arguments,
        {.environment = {{"LD_PRELOAD", preloaded},
                         {"ASAN_OPTIONS", "detect_leaks=0:exitcode=" + std::to_string(kFound)}}});
  }
  void expect_it_finds_mistakes(const std::string& preloaded) {
    const Outcome good = run(preloaded, {});
    EXPECT_TRUE(good.exited_with(0)) << good.describe();
    const Outcome freed = run(preloaded, {"use_after_free"});
    EXPECT_TRUE(freed.exited_with(kFound)) << freed.describe();
    EXPECT_NE(freed.err.find("heap-use-after-free"), std::string::npos) << freed.describe();
  }

  std::string folder_;
};

// clang's runtime is in the program, before anything preloaded.
TEST_P(AddressSanitizer, OfClangFindsWhatItFindsWithoutTalc) {
  if (!build("clang")) {
    GTEST_SKIP() << "there is no clang, or it has no AddressSanitizer";
  }
  expect_it_finds_mistakes(library());
}

// gcc's is a library, which wants to be the first, and says so.
TEST_P(AddressSanitizer, OfGccDoesSoIfItIsPreloadedFirst) {
  if (!build("gcc")) {
    GTEST_SKIP() << "there is no gcc, or it has no AddressSanitizer";
  }
  std::string runtime = subprocess::run({"gcc", "-print-file-name=libasan.so"}).out;
  runtime.pop_back();
  expect_it_finds_mistakes(runtime + " " + library());
  const Outcome outcome = run(library(), {});
  EXPECT_FALSE(outcome.exited_with(0));
  EXPECT_NE(outcome.err.find("runtime does not come first"), std::string::npos)
      << outcome.describe();
}

INSTANTIATE_TEST_SUITE_P(Libraries, AddressSanitizer, testing::Bool(), [](const auto& is_hardened) {
  return std::string(is_hardened.param ? "Hardened" : "Plain");
});

}  // namespace
