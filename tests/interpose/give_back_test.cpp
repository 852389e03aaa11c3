// Memory goes back by time, while the program sleeps: programs/rests_after_work.cpp under preload.
#include <gtest/gtest.h>

#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "subprocess.hpp"

namespace {

using Environment = std::map<std::string, std::string>;

struct Residence {
  long full_mib = 0;
  long after_mib = 0;
};

// 128 MiB, freed by whoever allocated them.
Residence rest(int threads, int milliseconds, Environment environment = {},
               const std::vector<std::string>& more = {}) {
  std::vector<std::string> command = {subprocess::program("rests_after_work"),
                                      std::to_string(threads), "128", std::to_string(milliseconds)};
  command.insert(command.end(), more.begin(), more.end());
  const auto outcome = subprocess::run_under_talc(command, {.environment = std::move(environment)});
  EXPECT_TRUE(outcome.exited_with(0)) << outcome.describe();
  Residence residence;
  std::istringstream(outcome.out) >> residence.full_mib >> residence.after_mib;
  residence.full_mib /= 1024;
  residence.after_mib /= 1024;
  EXPECT_GE(residence.full_mib, 128);
  return residence;
}

constexpr int kAWhile = 3000;  // the purge delay is a second; the machine may be busy
constexpr long kLittle = 20;

TEST(GiveBack, IdleThreadsKeepLittle) { EXPECT_LE(rest(4, kAWhile).after_mib, kLittle); }

TEST(GiveBack, SoDoesAProcessWithOneThread) { EXPECT_LE(rest(1, kAWhile).after_mib, kLittle); }

TEST(GiveBack, AndTheChildOfAFork) { EXPECT_LE(rest(1, kAWhile, {}, {"fork"}).after_mib, kLittle); }

TEST(GiveBack, NeverMeansNever) {
  EXPECT_GE(rest(4, kAWhile, {{"TALC_PURGE_DELAY", "-1"}}).after_mib, 100);
}

TEST(GiveBack, AtOnceMeansAtOnce) {
  EXPECT_LE(rest(4, 0, {{"TALC_PURGE_DELAY", "0"}}).after_mib, kLittle + 16);
}

TEST(GiveBack, WithoutAThreadOfOursASleeperKeepsWhatItFreedLast) {
  EXPECT_GE(rest(4, kAWhile, {{"TALC_BACKGROUND_THREAD", "0"}}).after_mib, 32);
}

TEST(GiveBack, TheDelayIsObeyed) {
  EXPECT_GE(rest(4, 1000, {{"TALC_PURGE_DELAY", "20000"}}).after_mib, 64);
}

}  // namespace
