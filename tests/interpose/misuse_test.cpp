// Misuse of the heap ends the program with one line that names the fault and the pointer. One
// program per misuse; its exact standard error and end are asserted.
#include <gtest/gtest.h>
#include <signal.h>

#include <string>

#include "subprocess.hpp"

namespace {

struct Case {
  const char* misuse;
  const char* fault;
};

class Misuse : public testing::TestWithParam<Case> {};

TEST_P(Misuse, EndsWithOneLine) {
  const auto outcome = subprocess::run_under_talc(
      {subprocess::program("misuse"), GetParam().misuse},
      {.environment = {{"LD_LIBRARY_PATH", subprocess::build_folder() + "/tests/interpose"}}});
  EXPECT_TRUE(outcome.killed_by(SIGABRT)) << outcome.describe();
  // The program told the pointer on its last line of output, in lower-case hex.
  const size_t end = outcome.out.find_last_of('\n');
  ASSERT_NE(end, std::string::npos) << outcome.describe();
  const size_t begin = outcome.out.rfind('\n', end - 1) + 1;
  const std::string pointer = outcome.out.substr(begin, end - begin);
  EXPECT_EQ(outcome.err, std::string("talc: ") + GetParam().fault + ": " + pointer + "\n")
      << outcome.describe();
}

INSTANTIATE_TEST_SUITE_P(Each, Misuse,
                         testing::Values(Case{"free_deep_bound", "invalid pointer"},          //
                                         Case{"realloc_deep_bound", "invalid pointer"},       //
                                         Case{"double_free_small", "double free"},            //
                                         Case{"double_free_middle", "double free"},           //
                                         Case{"double_free_huge", "double free"},             //
                                         Case{"double_delete", "double free"},                //
                                         Case{"realloc_after_free", "use after free"},        //
                                         Case{"free_stack", "invalid pointer"},               //
                                         Case{"free_static", "invalid pointer"},              //
                                         Case{"free_mapping", "invalid pointer"},             //
                                         Case{"free_small_integer", "invalid pointer"},       //
                                         Case{"free_kernel_address", "invalid pointer"},      //
                                         Case{"free_non_canonical", "invalid pointer"},       //
                                         Case{"free_unmapped", "invalid pointer"},            //
                                         Case{"free_misaligned", "misaligned pointer"},       //
                                         Case{"free_misaligned_word", "misaligned pointer"},  //
                                         Case{"free_misaligned_huge", "misaligned pointer"},  //
                                         Case{"free_inside_huge", "invalid pointer"},         //
                                         Case{"realloc_stack", "invalid pointer"},            //
                                         Case{"realloc_misaligned", "misaligned pointer"},    //
                                         Case{"usable_size_stack", "invalid pointer"},        //
                                         Case{"delete_static", "invalid pointer"}),
                         [](const auto& misuse) { return std::string(misuse.param.misuse); });

TEST(Misuse, IsNotSeenWhereThereIsNone) {
  const auto outcome = subprocess::run_under_talc({"true"});
  EXPECT_TRUE(outcome.exited_with(0)) << outcome.describe();
  EXPECT_EQ(outcome.err, "");
}

}  // namespace
