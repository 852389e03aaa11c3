// Tests of os/kernel_file.hpp: files as the kernel writes them, and files that are not there.
#include "talc/os/kernel_file.hpp"

#include <errno.h>
#include <gtest/gtest.h>

#include "support/fake_tree.hpp"

namespace talc {
namespace {

TEST(KernelFile, IsReadWhole) {
  FakeTree tree;
  tree.write("/file", "first 1\nsecond: 22 kB\nthird");
  const KernelFile file((tree.root() + std::string("/file")).c_str());
  EXPECT_STREQ(file.text(), "first 1\nsecond: 22 kB\nthird");
  EXPECT_STREQ(file.after("third"), "");
  EXPECT_EQ(number_at(file.after("first"), 0), 1U);
  EXPECT_EQ(number_at(file.after("second:"), 0), 22U);
  EXPECT_EQ(file.after("econd"), nullptr);
}

TEST(KernelFile, ThatIsNotThereIsEmptyAndLeavesErrno) {
  errno = 77;
  const KernelFile file("/nowhere/at/all");
  EXPECT_EQ(errno, 77);
  EXPECT_STREQ(file.text(), "");
  EXPECT_EQ(file.after("a"), nullptr);
}

TEST(KernelFile, IsCutOffWhereItIsTooLong) {
  FakeTree tree;
  tree.write("/file", std::string(3 * KernelFile::kMaxBytes, 'x'));
  const KernelFile file((tree.root() + std::string("/file")).c_str());
  EXPECT_EQ(std::string(file.text()), std::string(KernelFile::kMaxBytes, 'x'));
}

TEST(NumberAt, TakesWhatTheKernelWrites) {
  EXPECT_EQ(number_at("max\n", 5), 5U);
  EXPECT_EQ(number_at("", 5), 5U);
  EXPECT_EQ(number_at(nullptr, 5), 5U);
  EXPECT_EQ(number_at("    123 kB", 5), 123U);
  EXPECT_EQ(number_at("0\n", 5), 0U);
}

}  // namespace
}  // namespace talc
