// Tests of os/cpu_count.hpp: it counts the processors this thread may use, not those there are.
#include "talc/os/cpu_count.hpp"

#include <errno.h>
#include <gtest/gtest.h>
#include <sched.h>

namespace talc {
namespace {

TEST(CpuCount, FollowsTheAffinityMask) {
  cpu_set_t all;
  ASSERT_EQ(sched_getaffinity(0, sizeof all, &all), 0);
  EXPECT_EQ(cpu_count(), static_cast<unsigned>(CPU_COUNT(&all)));
  cpu_set_t one;
  CPU_ZERO(&one);
  for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; ++cpu) {
    if (CPU_ISSET(cpu, &all)) {
      CPU_SET(cpu, &one);
    }
  }
  ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
  errno = 77;
  EXPECT_EQ(cpu_count(), 1U);
  EXPECT_EQ(errno, 77);
  sched_setaffinity(0, sizeof all, &all);
}

}  // namespace
}  // namespace talc
