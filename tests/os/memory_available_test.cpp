// Tests of os/memory_available.hpp over made-up trees: both versions of control groups, limits at
// any level, containers that see a part only, and nothing at all.
#include "talc/os/memory_available.hpp"

#include <errno.h>
#include <gtest/gtest.h>
#include <stdio.h>

#include "support/fake_tree.hpp"

namespace talc {
namespace {

constexpr const char* kMemory = "MemTotal:        8000 kB\nMemFree:         100 kB\n";
constexpr size_t kMachine = size_t{8000} << 10;

TEST(MemoryAvailable, IsWhatTheMachineHas) {
  FakeTree tree;
  tree.write("/proc/meminfo", kMemory);
  errno = 77;
  EXPECT_EQ(memory_available(tree.root()), kMachine);
  EXPECT_EQ(errno, 77);
}

TEST(MemoryAvailable, IsTheLeastLimitOnTheWayUpOfVersion2) {
  FakeTree tree;
  tree.write("/proc/meminfo", kMemory);
  tree.write("/proc/self/cgroup", "0::/a/b\n");
  tree.write("/sys/fs/cgroup/a/b/memory.max", "max\n");
  EXPECT_EQ(memory_available(tree.root()), kMachine);
  tree.write("/sys/fs/cgroup/a/memory.max", "3000000\n");
  EXPECT_EQ(memory_available(tree.root()), 3000000U);
  tree.write("/sys/fs/cgroup/a/b/memory.max", "2000000\n");
  EXPECT_EQ(memory_available(tree.root()), 2000000U);
  tree.write("/sys/fs/cgroup/a/b/memory.max", "4000000\n");
  EXPECT_EQ(memory_available(tree.root()), 3000000U);
  tree.write("/sys/fs/cgroup/a/memory.max", "9000000000000\n");
  tree.write("/sys/fs/cgroup/a/b/memory.max", "9000000000000\n");
  EXPECT_EQ(memory_available(tree.root()), kMachine);
}

TEST(MemoryAvailable, IsTheLeastLimitOnTheWayUpOfVersion1) {
  FakeTree tree;
  tree.write("/proc/meminfo", kMemory);
  tree.write("/proc/self/cgroup", "12:cpu,cpuacct:/x\n4:hugetlb,memory:/a/b\n1:name=systemd:/y\n");
  tree.write("/sys/fs/cgroup/memory/a/b/memory.limit_in_bytes", "9223372036854771712\n");
  tree.write("/sys/fs/cgroup/memory/a/memory.limit_in_bytes", "5000000\n");
  tree.write("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  tree.write("/sys/fs/cgroup/memory/x/memory.limit_in_bytes", "1\n");  // another controller's name
  EXPECT_EQ(memory_available(tree.root()), 5000000U);
}

TEST(MemoryAvailable, KnowsAContainerByTheMountWhereTheNameLeadsNowhere) {
  FakeTree tree;
  tree.write("/proc/meminfo", kMemory);
  tree.write("/proc/self/cgroup", "4:memory:/docker/0123\n");
  tree.write("/sys/fs/cgroup/memory/memory.limit_in_bytes", "6000000");
  EXPECT_EQ(memory_available(tree.root()), 6000000U);
  FakeTree other;
  other.write("/proc/meminfo", kMemory);
  other.write("/proc/self/cgroup", "0::/../sibling\n");
  other.write("/sys/fs/cgroup/memory.max", "5000000");
  other.write("/sys/fs/sibling/memory.max", "1");
  EXPECT_EQ(memory_available(other.root()), 5000000U);
}

TEST(MemoryAvailable, SurvivesNamesWithoutEnd) {
  FakeTree tree;
  tree.write("/proc/meminfo", kMemory);
  std::string name;
  for (int i = 0; i < 300; ++i) {
    name += "/group";
  }
  tree.write("/proc/self/cgroup", "0::" + name + "\n");
  tree.write("/sys/fs/cgroup/group/memory.max", "4000000");
  EXPECT_EQ(memory_available(tree.root()), 4000000U);
}

TEST(MemoryAvailable, IsUnboundedWhereNobodyTells) {
  FakeTree tree;
  EXPECT_EQ(memory_available(tree.root()), ~size_t{0});
  tree.write("/proc/self/cgroup", "nonsense\n\n:::\n0:\n");
  EXPECT_EQ(memory_available(tree.root()), ~size_t{0});
}

TEST(MemoryAvailable, IsNoMoreThanThisMachineHas) {
  FILE* const file = fopen("/proc/meminfo", "r");
  unsigned long long kib = 0;  // more than a word of 32 bits tells, in bytes
  ASSERT_EQ(fscanf(file, "MemTotal: %llu kB", &kib), 1);
  fclose(file);
  EXPECT_LE(memory_available(), kib << 10);
  EXPECT_GE(memory_available(), size_t{1} << 20);
}

}  // namespace
}  // namespace talc
