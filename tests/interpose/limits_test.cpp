// How much of a limit can be used, the kernel's on addresses or on what may be written, or the heap's own: programs/fill.cpp under
// preload. At each size, in any order of sizes, four fifths of what the limit leaves, in whole blocks, by
// one thread and by several.
#include <gtest/gtest.h>

#include <map>
#include <sstream>
#include <string>
#include <tuple>
#include <vector>

#include "subprocess.hpp"

namespace {

struct Case {
  const char* name;
  int megabytes;
  int threads;
  std::vector<const char*> sizes;  // "0": of all kinds
  std::string library = subprocess::library();
};

void PrintTo(const Case& limit, std::ostream* out) { *out << limit.name; }

// Of what may be written: all that is private counts, touched or not, as where the kernel does not overcommit.
enum class Limit { of_addresses, of_data, of_the_heap };

class Limits : public testing::TestWithParam<std::tuple<Case, Limit>> {};

constexpr int kLeastPercent = 80;

TEST_P(Limits, FourFifthsCanBeUsedAgainAndAgain) {
  const auto& [limit, kind] = GetParam();
  std::vector<std::string> command = {
      subprocess::program("fill"),
      (kind == Limit::of_data ? "-d" : "") + std::to_string(limit.megabytes),
      std::to_string(limit.threads)};
  command.insert(command.end(), limit.sizes.begin(), limit.sizes.end());
  std::map<std::string, std::string> environment = {{"LD_PRELOAD", limit.library}};
  if (kind == Limit::of_the_heap) {
    environment["TALC_HEAP_LIMIT"] = std::to_string(limit.megabytes) + "M";
  }
  const auto outcome = subprocess::run(command, {.environment = environment, .seconds = 100});
  ASSERT_TRUE(outcome.exited_with(0)) << outcome.describe();
  std::istringstream lines(outcome.out);
  size_t count = 0;
  int percent = 0;
  int one_more = 0;
  for (std::string size; lines >> size >> percent >> one_more; ++count) {
    EXPECT_GE(percent + one_more, kLeastPercent) << "with blocks of " << size << " bytes";
    EXPECT_LE(percent, 105) << "with blocks of " << size << " bytes";
  }
  EXPECT_EQ(count, limit.sizes.size());
}

const std::vector<const char*> kAscending = {
    "64",      "200",     "1000",    "4096",     "8192",     "10000", "100000",
    "1000000", "3000000", "5000000", "20000000", "60000000", "0",     "64"};
const std::vector<const char*> kDescending = {
    "60000000", "20000000", "5000000", "3000000", "1000000", "100000", "10000",
    "8192",     "4096",     "1000",    "200",     "64",      "0",      "60000000"};
const std::vector<const char*> kFew = {"64", "60000000", "0", "8192", "3000000", "64"};
// Of a hardened block of 64 bytes the seal is a fifth. Some 8192 are in quarantine when the next ones come.
const std::vector<const char*> kHardened = {"1000",    "60000000", "0",      "8192",
                                            "3000000", "1000",     "1000000"};

std::string name_of(const testing::TestParamInfo<std::tuple<Case, Limit>>& limit) {
  return std::get<0>(limit.param).name +
         std::string(std::get<1>(limit.param) == Limit::of_the_heap ? "OfTheHeap" : "");
}

INSTANTIATE_TEST_SUITE_P(
    Processes, Limits,
    testing::Combine(testing::Values(Case{"Small", 200, 1, kAscending},
                                     Case{"SmallDown", 200, 1, kDescending},
                                     Case{"SmallWithThreads", 200, 4, kDescending},
                                     Case{"Middle", 500, 1, kFew},
                                     Case{"MiddleWithThreads", 500, 4, kFew},
                                     Case{"Large", 2048, 1, {"100000", "60000000", "5000000"}},
                                     Case{"LargeWithThreads", 2048, 4, {"60000000", "3000000"}},
                                     Case{"HardenedWithThreads", 200, 4, kHardened,
                                          subprocess::hardened_library()}),
                     testing::Values(Limit::of_addresses, Limit::of_the_heap)),
    name_of);

// The hardened library has no guards there: a page that shall be written to again counts as new, and is
// refused once all is used.
INSTANTIATE_TEST_SUITE_P(OfWhatMayBeWritten, Limits,
                         testing::Combine(testing::Values(Case{"Small", 200, 1, kAscending},
                                                          Case{"WithThreads", 200, 4, kDescending},
                                                          Case{"Hardened", 500, 1, kHardened,
                                                               subprocess::hardened_library()},
                                                          Case{"HardenedWithThreads", 200, 4,
                                                               kHardened,
                                                               subprocess::hardened_library()}),
                                          testing::Values(Limit::of_data)),
                         name_of);

}  // namespace
