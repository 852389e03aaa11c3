// Tests of os/memory_pressure.hpp over made-up trees: when memory is short, and how often it looks.
#include "talc/os/memory_pressure.hpp"

#include <errno.h>
#include <gtest/gtest.h>

#include "support/fake_tree.hpp"

namespace talc {
namespace {

TEST(MemoryPressure, IsNoneWithoutALimit) {
  FakeTree tree;
  EXPECT_FALSE(MemoryPressure::is_short(tree.root()));
  tree.write("/proc/self/cgroup", "0::/a\n");
  tree.write("/sys/fs/cgroup/a/memory.max", "max\n");
  tree.write("/sys/fs/cgroup/a/memory.high", "max\n");
  tree.write("/sys/fs/cgroup/a/memory.current", "100000000\n");
  EXPECT_FALSE(MemoryPressure::is_short(tree.root()));
}

TEST(MemoryPressure, BeginsASixteenthBelowTheLimit) {
  FakeTree tree;
  tree.write("/proc/self/cgroup", "0::/a/b\n");
  tree.write("/sys/fs/cgroup/a/memory.max", "1600000\n");
  tree.write("/sys/fs/cgroup/a/memory.current", "1500000\n");
  EXPECT_FALSE(MemoryPressure::is_short(tree.root()));
  tree.write("/sys/fs/cgroup/a/memory.current", "1500001\n");
  EXPECT_TRUE(MemoryPressure::is_short(tree.root()));
}

TEST(MemoryPressure, BeginsBelowTheHighMarkToo) {
  FakeTree tree;
  tree.write("/proc/self/cgroup", "0::/a\n");
  tree.write("/sys/fs/cgroup/a/memory.max", "3200000\n");
  tree.write("/sys/fs/cgroup/a/memory.high", "1600000\n");
  tree.write("/sys/fs/cgroup/a/memory.current", "1550000\n");
  EXPECT_TRUE(MemoryPressure::is_short(tree.root()));
}

TEST(MemoryPressure, DoesNotCountCopiesOfFilesThatNobodyUses) {
  FakeTree tree;
  tree.write("/proc/self/cgroup", "0::/a\n");
  tree.write("/sys/fs/cgroup/a/memory.max", "1600000\n");
  tree.write("/sys/fs/cgroup/a/memory.current", "1600000\n");
  tree.write("/sys/fs/cgroup/a/memory.stat", "anon 5\ninactive_file 200000\nactive_file 7\n");
  EXPECT_FALSE(MemoryPressure::is_short(tree.root()));
  tree.write("/sys/fs/cgroup/a/memory.stat", "anon 5\ninactive_file 20\nactive_file 7\n");
  EXPECT_TRUE(MemoryPressure::is_short(tree.root()));
}

TEST(MemoryPressure, IsKnownOfVersion1) {
  FakeTree tree;
  tree.write("/proc/self/cgroup", "3:memory:/a\n");
  tree.write("/sys/fs/cgroup/memory/a/memory.limit_in_bytes", "1600000\n");
  tree.write("/sys/fs/cgroup/memory/a/memory.usage_in_bytes", "1600000\n");
  tree.write("/sys/fs/cgroup/memory/a/memory.stat",
             "inactive_file 0\ntotal_inactive_file 300000\n");
  EXPECT_FALSE(MemoryPressure::is_short(tree.root()));
  tree.write("/sys/fs/cgroup/memory/a/memory.stat",
             "inactive_file 300000\ntotal_inactive_file 0\n");
  EXPECT_TRUE(MemoryPressure::is_short(tree.root()));
}

TEST(MemoryPressure, IsLookedForOnceInAnInterval) {
  FakeTree tree;
  const long begin = 1'000'000'000;
  EXPECT_FALSE(MemoryPressure::is_short_lately(begin, tree.root()));
  tree.write("/proc/self/cgroup", "0::/a\n");
  tree.write("/sys/fs/cgroup/a/memory.max", "1600000\n");
  tree.write("/sys/fs/cgroup/a/memory.current", "1600000\n");
  const long end = begin + MemoryPressure::kMinIntervalMs;
  EXPECT_FALSE(MemoryPressure::is_short_lately(end - 1, tree.root()));
  EXPECT_TRUE(MemoryPressure::is_short_lately(end, tree.root()));
  tree.write("/sys/fs/cgroup/a/memory.current", "0\n");
  EXPECT_TRUE(MemoryPressure::is_short_lately(end + 1, tree.root()));
}

TEST(MemoryIsShort, LeavesErrno) {
  errno = 77;
  memory_is_short();
  EXPECT_EQ(errno, 77);
}

}  // namespace
}  // namespace talc
