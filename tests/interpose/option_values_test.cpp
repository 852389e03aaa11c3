// What the values of options look like.
#include "interpose/option_values.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <string.h>

#include <string>

namespace {

using namespace talc;

Piece piece(const char* text) { return {text, strlen(text)}; }

TEST(OptionValues, WordsAreTheSameInCapitals) {
  EXPECT_TRUE(values::is(piece("Json"), "json"));
  EXPECT_FALSE(values::is(piece("jso"), "json"));
  EXPECT_FALSE(values::is(piece("jsonx"), "json"));
  EXPECT_FALSE(values::is(piece(""), "json"));
}

TEST(OptionValues, SwitchesHaveFourWordsEach) {
  for (const char* const text : {"1", "yes", "on", "true", "ON", "Yes"}) {
    bool result = false;
    EXPECT_TRUE(values::read_switch(piece(text), result) && result) << text;
  }
  for (const char* const text : {"0", "no", "off", "false", "OFF"}) {
    bool result = true;
    EXPECT_TRUE(values::read_switch(piece(text), result) && !result) << text;
  }
  for (const char* const text : {"", "2", "10", "y", "onn", "maybe"}) {
    bool result = true;
    EXPECT_FALSE(values::read_switch(piece(text), result)) << text;
    EXPECT_TRUE(result);
  }
}

TEST(OptionValues, NumbersAreDigitsUpToALimit) {
  uint64_t number = 7;
  EXPECT_TRUE(values::read_number(piece("0"), 100, number));
  EXPECT_EQ(number, 0U);
  EXPECT_TRUE(values::read_number(piece("18446744073709551615"), ~uint64_t{0}, number));
  EXPECT_EQ(number, ~uint64_t{0});
  for (const char* const text : {"", "-1", "+1", " 1", "1 ", "0x10", "1.5", "101",
                                 "18446744073709551616", "99999999999999999999999999"}) {
    EXPECT_FALSE(values::read_number(piece(text), 100, number)) << text;
  }
  EXPECT_FALSE(values::read_number(piece("18446744073709551616"), ~uint64_t{0}, number));
  EXPECT_EQ(number, ~uint64_t{0});
}

TEST(OptionValues, BytesHaveUnits) {
  for (const auto& [text, bytes] : {std::pair{"1", size_t{1}},
                                    {"4096", size_t{4096}},
                                    {"3K", size_t{3} << 10},
                                    {"20m", size_t{20} << 20},
                                    {"2G", size_t{2} << 30},
                                    {"1t", size_t{1} << 40}}) {
    size_t result = 0;
    EXPECT_TRUE(values::read_bytes(piece(text), result)) << text;
    EXPECT_EQ(result, bytes) << text;
  }
  size_t result = 5;
  for (const char* const text : {"", "0", "0K", "K", "1KB", "1.5G", "1P", "-1", "99999999999T"}) {
    EXPECT_FALSE(values::read_bytes(piece(text), result)) << text;
  }
  EXPECT_EQ(result, 5U);
}

TEST(OptionValues, PercentagesEndInASign) {
  uint64_t percent = 0;
  EXPECT_TRUE(values::read_percent(piece("80%"), 100, percent));
  EXPECT_EQ(percent, 80U);
  for (const char* const text : {"", "%", "80", "0%", "101%", "8%0"}) {
    EXPECT_FALSE(values::read_percent(piece(text), 100, percent)) << text;
  }
}

TEST(OptionValues, SecondsHaveThreeDecimals) {
  for (const auto& [text, expected] :
       {std::pair{"0", 0U}, {"5", 5000U}, {"0.5", 500U}, {"1.25", 1250U}, {"0.001", 1U}}) {
    uint64_t milliseconds = 77;
    EXPECT_TRUE(values::read_seconds(piece(text), milliseconds)) << text;
    EXPECT_EQ(milliseconds, expected) << text;
  }
  uint64_t milliseconds = 0;
  for (const char* const text : {"", ".", ".5", "1.", "1.0001", "-1", "1,5", "3000000000"}) {
    EXPECT_FALSE(values::read_seconds(piece(text), milliseconds)) << text;
  }
}

TEST(OptionValues, SignalsHaveNamesAndNumbers) {
  const std::string last = std::to_string(SIGRTMAX);
  for (const auto& [text, expected] : {std::pair{"USR2", SIGUSR2},
                                       {"SIGUSR2", SIGUSR2},
                                       {"sigusr1", SIGUSR1},
                                       {"HUP", SIGHUP},
                                       {"12", 12},
                                       {last.c_str(), SIGRTMAX}}) {
    int number = 0;
    EXPECT_TRUE(values::read_signal(piece(text), number)) << text;
    EXPECT_EQ(number, expected);
  }
  int number = 0;
  for (const char* const text : {"", "SIG", "KILL", "9", "SIGSEGV", "11", "6", "65", "0", "USR3"}) {
    EXPECT_FALSE(values::read_signal(piece(text), number)) << text;
  }
  EXPECT_STREQ(values::signal_name(SIGUSR2), "USR2");
  EXPECT_EQ(values::signal_name(SIGRTMAX), nullptr);
}

TEST(OptionValues, PatternsHaveTheirLettersOnly) {
  for (const char* const text : {"", "plain", "%p", "/tmp/%e.%p", "100%%", "%%p", "%%%p"}) {
    EXPECT_TRUE(values::is_pattern(piece(text), "pe")) << text;
  }
  for (const char* const text : {"%", "a%", "%n", "%%%", "% p", "%P"}) {
    EXPECT_FALSE(values::is_pattern(piece(text), "pe")) << text;
  }
}

}  // namespace
