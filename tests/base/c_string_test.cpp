// Tests of base/c_string.hpp: each agrees with libc's.
#include "talc/base/c_string.hpp"

#include <gtest/gtest.h>
#include <string.h>

namespace talc {
namespace {

constexpr const char* kStrings[] = {"",   "a",  "ab",     "ba",   "aba",    "abab", "abc",
                                    "%p", "%%", "x%py%p", "100%", "/a/b/c", "/",    "memory"};

static_assert(length_of("abc") == 3);
static_assert(are_equal("abc", "abc") && !are_equal("abc", "ab"));

TEST(CString, LengthOf) {
  for (const char* const string : kStrings) {
    EXPECT_EQ(length_of(string), strlen(string)) << string;
  }
}

TEST(CString, FindAndFindLast) {
  for (const char* const string : kStrings) {
    for (const char wanted : {'a', 'b', 'c', '%', '/', '\0'}) {
      EXPECT_EQ(find(string, wanted), strchr(string, wanted)) << string;
      if (wanted != '\0') {
        EXPECT_EQ(find_last(string, wanted), strrchr(string, wanted)) << string;
      }
    }
    for (const char* const wanted : kStrings) {
      EXPECT_EQ(find(string, wanted), strstr(string, wanted)) << string << " has " << wanted;
    }
  }
}

TEST(CString, AreEqualAndBeginsWith) {
  for (const char* const a : kStrings) {
    for (const char* const b : kStrings) {
      EXPECT_EQ(are_equal(a, b), strcmp(a, b) == 0) << a << ' ' << b;
      EXPECT_EQ(begins_with(a, b), strncmp(a, b, strlen(b)) == 0) << a << ' ' << b;
    }
  }
  EXPECT_TRUE(are_equal("abx", "aby", 2));
  EXPECT_FALSE(are_equal("abx", "aby", 3));
  EXPECT_TRUE(are_equal("a", "b", 0));
}

}  // namespace
}  // namespace talc
