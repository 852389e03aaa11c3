// What the kernel says of the process, against what it says elsewhere; and how long that lasts.
#include "talc/os/process_memory.hpp"

#include <gtest/gtest.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "support/proc_maps.hpp"
#include "talc/os/uptime.hpp"

namespace {

using talc::ProcessMemory;
using talc::Uptime;

TEST(ProcessMemory, SeesWhatBecomesResident) {
  constexpr size_t kBytes = size_t{32} << 20;
  void* const memory =
      mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  errno = EXDEV;
  const ProcessMemory before = ProcessMemory::ask();
  const uint64_t quickly_before = ProcessMemory::ask_rss();
  EXPECT_EQ(errno, EXDEV);
  memset(memory, 1, kBytes);
  const ProcessMemory after = ProcessMemory::ask();
  EXPECT_GE(after.rss, before.rss + kBytes * 9 / 10);
  EXPECT_LE(after.rss, before.rss + kBytes * 11 / 10);
  EXPECT_GE(ProcessMemory::ask_rss(), quickly_before + kBytes * 9 / 10);
  EXPECT_GT(after.minor_faults, before.minor_faults);
  EXPECT_NE(after.major_faults, ProcessMemory::kUnknown);
  EXPECT_LE(after.anon_huge_pages, after.rss);
  munmap(memory, kBytes);
}

TEST(ProcessMemory, CountsMappings) {
  const size_t mappings = talc::count_mappings();
  EXPECT_NEAR(static_cast<double>(ProcessMemory::ask().mappings), static_cast<double>(mappings), 3);
}

TEST(Uptime, BeginsWithTheFirstQuestion) {
  const size_t first = Uptime::milliseconds();
  usleep(30000);
  const size_t second = Uptime::milliseconds();
  EXPECT_GE(second, first + 29);
  EXPECT_LT(second, first + 20000);
}

TEST(Uptime, KnowsTheDate) {
  EXPECT_NEAR(static_cast<double>(Uptime::date_milliseconds()),
              static_cast<double>(time(nullptr)) * 1000, 2000);
}

}  // namespace
