// How much memory there is, against what the kernel says elsewhere; limits of groups in a made-up tree.
#include "talc/os/memory_available.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <string.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace {

TEST(SmallFile, IsReadUpToTheBuffersEnd) {
  char text[16] = "unchanged";
  errno = EXDEV;
  EXPECT_EQ(talc::read_file("/no/such/file", text, sizeof text), 0U);
  EXPECT_STREQ(text, "");
  EXPECT_EQ(errno, EXDEV);
  EXPECT_EQ(talc::read_file("/proc/self/status", text, sizeof text), sizeof text - 1);
  EXPECT_EQ(strncmp(text, "Name:", 5), 0);
  EXPECT_EQ(strlen(text), sizeof text - 1);
}

TEST(SmallFile, NumbersStandAfterSpaces) {
  uint64_t number = 7;
  EXPECT_TRUE(talc::read_decimal("  \t123 kB", number));
  EXPECT_EQ(number, 123U);
  EXPECT_FALSE(talc::read_decimal("max\n", number));
  EXPECT_EQ(number, 123U);
}

TEST(MemoryAvailable, IsAtMostTheMachines) {
  std::ifstream file("/proc/meminfo");
  std::string word;
  size_t total_kb = 0;
  file >> word >> total_kb;
  ASSERT_EQ(word, "MemTotal:");
  const size_t available = talc::memory_available();
  EXPECT_LE(available, total_kb * 1024 + 1024);
  EXPECT_EQ(available, std::min(total_kb * 1024, talc::cgroup_memory_limit()));
}

class GroupLimits : public testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/talc_group_XXXXXX";
    mount_ = mkdtemp(pattern);
    std::filesystem::create_directories(mount_ + "/a/b");
  }
  void TearDown() override { std::filesystem::remove_all(mount_); }

  void limit(const std::string& group, const std::string& value) {
    std::ofstream(mount_ + group + "/memory.max") << value << '\n';
  }
  size_t least(const std::string& group) const {
    return talc::memory_available_detail::least_limit(mount_.c_str(), group.c_str(), group.size(),
                                                      "memory.max");
  }

  std::string mount_;
};

TEST_F(GroupLimits, HoldForTheGroupsWithin) {
  EXPECT_EQ(least("/a/b"), ~size_t{0});
  limit("/a", "5000");
  limit("/a/b", "max");
  EXPECT_EQ(least("/a/b"), 5000U);
  limit("/a/b", "3000");
  EXPECT_EQ(least("/a/b"), 3000U);
  EXPECT_EQ(least("/a"), 5000U);
  EXPECT_EQ(least("/"), ~size_t{0});
  limit("", "100");
  EXPECT_EQ(least("/"), 100U);
  EXPECT_EQ(least("/a/b"), 100U);
}

TEST_F(GroupLimits, OfAPathThatIsNotShownAreThoseAbove) {
  limit("", "100");
  EXPECT_EQ(least("/not/here"), 100U);
}

}  // namespace
