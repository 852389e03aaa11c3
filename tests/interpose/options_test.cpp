// The table of options and the parsing of an environment. What a process does with them:
// report_test.cpp.
#include "interpose/options.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace {

std::string warnings;

struct Parsed {
  std::unique_ptr<talc::Options> options = std::make_unique<talc::Options>();
  std::string warnings;
};

Parsed parse(std::vector<const char*> environment) {
  environment.push_back(nullptr);
  warnings.clear();
  Parsed parsed;
  talc::parse_options(environment.data(), *parsed.options,
                      [](const char* line, size_t size) { warnings.append(line, size); });
  parsed.warnings = warnings;
  return parsed;
}

TEST(Options, AreOffUnlessGiven) {
  const Parsed parsed = parse({"HOME=/root", "TALCUM=1", "talc_stats=1", "XTALC_STATS=1", "="});
  EXPECT_EQ(parsed.options->stats, talc::StatsFormat::kNone);
  EXPECT_STREQ(parsed.options->stats_file, "");
  EXPECT_EQ(parsed.warnings, "");
}

TEST(Options, MayHaveNoEnvironment) {
  talc::Options options;
  talc::parse_options(nullptr, options, [](const char*, size_t) {});
  EXPECT_EQ(options.stats, talc::StatsFormat::kNone);
}

TEST(Options, StatsHasFourValues) {
  using enum talc::StatsFormat;
  for (const auto& [value, format] :
       {std::pair{"0", kNone}, {"1", kText}, {"text", kText}, {"json", kJson}}) {
    const std::string variable = std::string("TALC_STATS=") + value;
    const Parsed parsed = parse({variable.c_str()});
    EXPECT_EQ(parsed.options->stats, format) << value;
    EXPECT_EQ(parsed.warnings, "");
  }
}

TEST(Options, AFileAsksForText) {
  const Parsed parsed = parse({"TALC_STATS_FILE=/tmp/%e.%p.100%%"});
  EXPECT_EQ(parsed.options->stats, talc::StatsFormat::kText);
  EXPECT_STREQ(parsed.options->stats_file, "/tmp/%e.%p.100%%");
  EXPECT_EQ(parse({"TALC_STATS=0", "TALC_STATS_FILE=x"}).options->stats, talc::StatsFormat::kNone);
  EXPECT_EQ(parse({"TALC_STATS_FILE=x", "TALC_STATS=json"}).options->stats,
            talc::StatsFormat::kJson);
}

TEST(Options, AnEmptyValueIsNone) {
  const Parsed parsed = parse({"TALC_STATS=", "TALC_STATS_FILE=", "TALC_WHATEVER="});
  EXPECT_EQ(parsed.options->stats, talc::StatsFormat::kNone);
  EXPECT_EQ(parsed.warnings, "");
}

TEST(Options, TheFirstOfOneNameCounts) {
  const Parsed parsed = parse({"TALC_STATS=json", "TALC_STATS=nonsense", "TALC_STATS=0"});
  EXPECT_EQ(parsed.options->stats, talc::StatsFormat::kJson);
  EXPECT_EQ(parsed.warnings, "");
}

TEST(Options, AnUnknownNameIsToldOnce) {
  const Parsed parsed = parse({"TALC_STAT=1", "TALC_STATS=1", "TALC_STAT=2", "TALC_=x"});
  EXPECT_EQ(parsed.warnings, "talc: unknown option TALC_STAT\ntalc: unknown option TALC_\n");
  EXPECT_EQ(parsed.options->stats, talc::StatsFormat::kText);
}

TEST(Options, ABadValueIsToldAndIgnored) {
  const Parsed parsed = parse({"TALC_STATS=yes"});
  EXPECT_EQ(parsed.warnings, "talc: TALC_STATS must be 0, 1, text or json, not 'yes'\n");
  EXPECT_EQ(parsed.options->stats, talc::StatsFormat::kNone);
  for (const char* const variable :
       {"TALC_STATS_FILE=%", "TALC_STATS_FILE=a%d", "TALC_STATS_FILE=%%%"}) {
    const Parsed file = parse({variable});
    EXPECT_NE(file.warnings, "") << variable;
    EXPECT_STREQ(file.options->stats_file, "");
  }
}

TEST(Options, APathMustFit) {
  const std::string longest = "TALC_STATS_FILE=" + std::string(talc::Options::kMaxPath - 1, 'x');
  EXPECT_EQ(parse({longest.c_str()}).warnings, "");
  const std::string longer = longest + "x";
  const Parsed parsed = parse({longer.c_str()});
  EXPECT_EQ(parsed.warnings.back(), '\n');
  EXPECT_STREQ(parsed.options->stats_file, "");
}

TEST(Options, AWarningStaysALine) {
  const std::string name = "TALC_" + std::string(100000, 'N') + "=1";
  const Parsed parsed = parse({name.c_str()});
  EXPECT_LT(parsed.warnings.size(), 1000U);
  EXPECT_EQ(parsed.warnings.find('\n'), parsed.warnings.size() - 1);
}

TEST(Options, EachIsDocumented) {
  for (const talc::Option& option : talc::option_table) {
    EXPECT_EQ(std::string(option.name).substr(0, 5), "TALC_");
    EXPECT_STRNE(option.values, "");
    EXPECT_STRNE(option.preset, "");
    EXPECT_EQ(std::string(option.meaning).back(), '.');
  }
}

}  // namespace
