// Misuse of the heap ends the program with one line that names the fault and the pointer. One
// program per misuse; its exact standard error and end are asserted, under both libraries.
#include <gtest/gtest.h>
#include <signal.h>

#include <string>

#include "../subprocess.hpp"

namespace {

using subprocess::Outcome;

enum class Library { plain, hardened };

Outcome commit(Library library, const std::string& misuse) {
  const std::string path =
      library == Library::plain ? subprocess::library() : subprocess::hardened_library();
  return subprocess::run(
      {subprocess::program("misuse"), misuse},
      {.environment = {{"LD_PRELOAD", path},
                       {"LD_LIBRARY_PATH", subprocess::build_folder() + "/tests/interpose"}}});
}

// What the program told last of pointers, in lower-case hex.
std::string announced(const Outcome& outcome) {
  const size_t end = outcome.out.find_last_of('\n');
  if (end == std::string::npos) {
    return "";
  }
  const size_t begin = outcome.out.rfind('\n', end - 1) + 1;
  return outcome.out.substr(begin, end - begin);
}

struct Case {
  const char* misuse;
  const char* fault;
  // What the plain library does not see, its program survives.
  bool seen_by_plain = true;
};

std::string name_of(const testing::TestParamInfo<Case>& info) { return info.param.misuse; }

class Misuse : public testing::TestWithParam<Case> {
 protected:
  static void expect_one_line(Library library) {
    const Outcome outcome = commit(library, GetParam().misuse);
    EXPECT_TRUE(outcome.killed_by(SIGABRT)) << outcome.describe();
    EXPECT_EQ(outcome.err,
              std::string("talc: ") + GetParam().fault + ": " + announced(outcome) + "\n")
        << outcome.describe();
  }
};

TEST_P(Misuse, EndsWithOneLine) {
  if (GetParam().seen_by_plain) {
    expect_one_line(Library::plain);
  } else {
    const Outcome outcome = commit(Library::plain, GetParam().misuse);
    EXPECT_TRUE(outcome.exited_with(0)) << outcome.describe();
    EXPECT_EQ(outcome.err, "") << outcome.describe();
  }
}

TEST_P(Misuse, EndsWithOneLineWhenHardened) { expect_one_line(Library::hardened); }

INSTANTIATE_TEST_SUITE_P(Pointers, Misuse,
                         testing::Values(Case{"double_free_small", "double free"},      //
                                         Case{"double_free_middle", "double free"},     //
                                         Case{"double_free_huge", "double free"},       //
                                         Case{"double_free_far_apart", "double free"},  //
                                         Case{"double_free_in_two_threads_small", "double free"},
                                         Case{"double_free_in_two_threads_middle", "double free"},
                                         Case{"double_delete", "double free"},                //
                                         Case{"realloc_after_free", "use after free"},        //
                                         Case{"usable_size_after_free", "use after free"},    //
                                         Case{"free_stack", "invalid pointer"},               //
                                         Case{"free_static", "invalid pointer"},              //
                                         Case{"free_mapping", "invalid pointer"},             //
                                         Case{"free_small_integer", "invalid pointer"},       //
                                         Case{"free_kernel_address", "invalid pointer"},      //
                                         Case{"free_non_canonical", "invalid pointer"},       //
                                         Case{"free_unmapped", "invalid pointer"},            //
                                         Case{"free_heap_start", "invalid pointer"},          //
                                         Case{"usable_size_heap_start", "invalid pointer"},   //
                                         Case{"free_guard", "invalid pointer", false},        //
                                         Case{"free_misaligned", "misaligned pointer"},       //
                                         Case{"free_misaligned_word", "misaligned pointer"},  //
                                         Case{"free_misaligned_huge", "misaligned pointer"},  //
                                         Case{"free_inside_huge", "invalid pointer"},         //
                                         Case{"free_inside_small", "invalid pointer"},        //
                                         Case{"free_inside_middle", "invalid pointer"},       //
                                         Case{"realloc_stack", "invalid pointer"},            //
                                         Case{"realloc_misaligned", "misaligned pointer"},    //
                                         Case{"usable_size_stack", "invalid pointer"},        //
                                         Case{"delete_static", "invalid pointer"},            //
                                         Case{"delete_wrong_size", "wrong size", false},      //
                                         Case{"free_sized_wrong_size", "wrong size", false},  //
                                         Case{"delete_wrong_align", "misaligned pointer", false}),
                         name_of);

INSTANTIATE_TEST_SUITE_P(
    Writes, Misuse,
    testing::Values(Case{"overflow_by_one", "corrupt block", false},
                    Case{"overflow_by_one_of_a_full_slot", "corrupt block", false},
                    Case{"overflow_small", "corrupt block", false},
                    Case{"overflow_middle_by_one", "corrupt block", false},
                    Case{"realloc_after_overflow", "corrupt block"},
                    Case{"write_after_free_small", "write after free", false},
                    Case{"write_after_free_small_at_its_end", "write after free", false},
                    Case{"write_after_free_page", "write after free", false},
                    Case{"write_after_free_middle", "write after free", false}),
    name_of);

// The library finds it when it comes across memory of its own: it tells where that is.
class Corruption : public testing::TestWithParam<Case> {};

TEST_P(Corruption, IsNamedBeforeItDoesHarm) {
  for (const Library library : {Library::plain, Library::hardened}) {
    const Outcome outcome = commit(library, GetParam().misuse);
    EXPECT_TRUE(outcome.killed_by(SIGABRT)) << outcome.describe();
    const std::string start = std::string("talc: ") + GetParam().fault + ": 0x";
    EXPECT_EQ(outcome.err.substr(0, start.size()), start) << outcome.describe();
    EXPECT_EQ(outcome.err.find('\n'), outcome.err.size() - 1) << outcome.describe();
  }
}

INSTANTIATE_TEST_SUITE_P(
    Exploits, Corruption,
    testing::Values(Case{"write_into_a_gap", "corrupt free memory"},
                    Case{"overflow_middle", "corrupt block"}, Case{"middle_dup", "double free"},  //
                    Case{"house_of_spirit", "invalid pointer"},
                    Case{"house_of_spirit_within", "invalid pointer"},
                    Case{"unsafe_unlink", "corrupt free memory"},
                    Case{"unlink_with_links_that_agree", "corrupt free memory"},
                    Case{"overlapping_chunks", "corrupt block"},
                    Case{"overlapping_chunks_by_a_bit", "corrupt block"},
                    Case{"overlapping_chunks_below_the_check", "corrupt block"},
                    Case{"overlapping_chunks_within_a_cache", "corrupt block"},
                    Case{"revived_block", "corrupt block"},
                    Case{"poison_null_byte", "corrupt block"},
                    Case{"house_of_einherjar", "corrupt free memory"},
                    Case{"house_of_force", "corrupt free memory"},
                    Case{"house_of_force_with_sizes_that_agree", "corrupt free memory"},
                    Case{"large_bin_attack", "corrupt free memory"},
                    Case{"ceded_gap_enlarged", "corrupt free memory"},
                    Case{"ceded_gap_led_elsewhere", "corrupt free memory"},
                    Case{"refused_block_lengthened", "corrupt free memory"},
                    Case{"refused_block_led_elsewhere", "corrupt free memory"}),
    name_of);

// Nothing of what is attacked is there.
TEST(Exploits, ListsThatAreNotInFreeBlocksCannotBePoisoned) {
  for (const char* const misuse : {"tcache_poisoning", "fastbin_poisoning", "smallbin_poisoning"}) {
    for (const Library library : {Library::plain, Library::hardened}) {
      const Outcome outcome = commit(library, misuse);
      EXPECT_EQ(outcome.out, "held\nsurvived\n") << outcome.describe();
    }
  }
}

// The price of the plain library's fast path: it looks at the block that was freed last, no further.
// docs/SECURITY.md says so.
TEST(Exploits, OnlyTheHardenedLibraryFindsADoubleFreeWithinACacheAtOnce) {
  EXPECT_EQ(commit(Library::plain, "tcache_dup").out, "reached\nsurvived\n");
  const Outcome outcome = commit(Library::hardened, "tcache_dup");
  EXPECT_TRUE(outcome.killed_by(SIGABRT)) << outcome.describe();
  EXPECT_EQ(outcome.err.substr(0, 20), "talc: double free: 0") << outcome.describe();
}

// In the plain library the page behind a huge block ends the program, unless the kernel has put another
// mapping right there: of forty processes in one.
TEST(Misuses, AnOverflowOfAHugeBlockIsFound) {
  bool is_found = false;
  for (int tries = 0; tries < 5 && !is_found; ++tries) {
    is_found = commit(Library::plain, "overflow_huge_by_one").killed_by(SIGSEGV);
  }
  EXPECT_TRUE(is_found);
  const Outcome outcome = commit(Library::hardened, "overflow_huge_by_one");
  EXPECT_TRUE(outcome.killed_by(SIGABRT)) << outcome.describe();
  EXPECT_EQ(outcome.err, "talc: corrupt block: " + announced(outcome) + "\n");
}

TEST(Misuses, AreNotSeenWhereThereAreNone) {
  for (const std::string& library : {subprocess::library(), subprocess::hardened_library()}) {
    const Outcome outcome = subprocess::run({"true"}, {.environment = {{"LD_PRELOAD", library}}});
    EXPECT_TRUE(outcome.exited_with(0)) << outcome.describe();
    EXPECT_EQ(outcome.err, "");
  }
}

}  // namespace
