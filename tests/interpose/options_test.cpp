// The table of options and the parsing of an environment. What a process does with them:
// process_test.cpp.
#include "interpose/options.hpp"

#include <gtest/gtest.h>

#include <signal.h>
#include <string.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "talc/api/settings.hpp"
#include "talc/os/memory_available.hpp"

namespace {

using talc::settings;

std::string warnings;

struct Parsed {
  std::unique_ptr<talc::Options> options = std::make_unique<talc::Options>();
  std::string warnings;
};

// Settings are those of a new process before, and of this environment afterwards.
Parsed parse(std::vector<const char*> environment, const char* compiled_in = nullptr) {
  new (&settings) talc::Settings();
  environment.push_back(nullptr);
  warnings.clear();
  Parsed parsed;
  talc::parse_options(environment.data(), compiled_in, *parsed.options,
                      [](const char* line, size_t size) { warnings.append(line, size); });
  parsed.warnings = warnings;
  return parsed;
}

const talc::Option& option(const char* name) { return *talc::find_option({name, strlen(name)}); }

std::string printed(const talc::Options& options, const char* name) {
  char text[5000];
  talc::TextWriter out(text);
  option(name).print(options, out);
  return {out.data(), out.size()};
}

// What is in effect when only this variable is given; the warning where it is refused.
std::string value_of(const char* name, const std::string& value) {
  char variable[64];
  talc::TextWriter out(variable);
  talc::print_variable_name(option(name).name, out);
  const std::string given = std::string(out.data(), out.size()) + "=" + value;
  const Parsed parsed = parse({given.c_str()});
  return parsed.warnings.empty() ? printed(*parsed.options, name) : parsed.warnings;
}

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(Options, AreOffUnlessGiven) {
  const Parsed parsed = parse({"HOME=/root", "TALCUM=1", "talc_stats=1", "XTALC_STATS=1", "="});
  EXPECT_EQ(parsed.options->stats, talc::StatsFormat::kNone);
  EXPECT_EQ(parsed.options->stats_file, nullptr);
  EXPECT_EQ(parsed.warnings, "");
}

TEST(Options, MayHaveNoEnvironment) {
  talc::Options options;
  talc::parse_options(nullptr, nullptr, options, [](const char*, size_t) {});
  EXPECT_EQ(options.stats, talc::StatsFormat::kNone);
}

TEST(Options, StatsHasSixValues) {
  using enum talc::StatsFormat;
  for (const auto& [value, format] : {std::pair{"0", kNone},
                                      {"1", kText},
                                      {"text", kText},
                                      {"json", kJson},
                                      {"prom", kProm},
                                      {"xml", kXml}}) {
    const std::string variable = std::string("TALC_STATS=") + value;
    const Parsed parsed = parse({variable.c_str()});
    EXPECT_EQ(parsed.options->stats, format) << value;
    EXPECT_EQ(parsed.warnings, "");
  }
}

TEST(Options, AnIntervalAsksForJson) {
  const Parsed parsed = parse({"TALC_STATS_FILE=x", "TALC_STATS_INTERVAL=0.5"});
  EXPECT_EQ(parsed.options->stats, talc::StatsFormat::kJson);
  EXPECT_EQ(parsed.options->stats_interval_ms, 500U);
  EXPECT_EQ(parse({"TALC_STATS=0", "TALC_STATS_INTERVAL=1"}).options->stats,
            talc::StatsFormat::kNone);
}

TEST(Options, ASignalAsksForNothingAtTheEnd) {
  const Parsed parsed = parse({"TALC_STATS_SIGNAL=SIGUSR2"});
  EXPECT_EQ(parsed.options->stats, talc::StatsFormat::kNone);
  EXPECT_EQ(parsed.options->stats_signal, SIGUSR2);
  EXPECT_EQ(parsed.options->format(), talc::StatsFormat::kText);
  EXPECT_EQ(parse({"TALC_STATS=prom"}).options->format(), talc::StatsFormat::kProm);
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
  EXPECT_EQ(parsed.warnings,
            "talc: unknown option TALC_STAT; did you mean TALC_STATS?\n"
            "talc: unknown option TALC_\n");
  EXPECT_EQ(parsed.options->stats, talc::StatsFormat::kText);
}

TEST(Options, ASlipOfThePenIsRecognized) {
  for (const auto& [given, meant] : {
           std::pair{"TALC_PURGEDELAY", "TALC_PURGE_DELAY"},
           {"TALC_Purge_Delays", "TALC_PURGE_DELAY"},
           {"TALC_HEAP_LMIIT", "TALC_HEAP_LIMIT"},
           {"TALC_TPH", "TALC_THP"},
           {"TALC_CONFG", "TALC_CONF"},
           {"TALC_BACKGROUND_THREADED", "TALC_BACKGROUND_THREAD"},
       }) {
    const std::string variable = std::string(given) + "=1";
    EXPECT_EQ(parse({variable.c_str()}).warnings,
              std::string("talc: unknown option ") + given + "; did you mean " + meant + "?\n");
  }
  // Three letters, and two options as near.
  for (const std::string name : {"TALC_PURG_DLY", "TALC_HEAP", "TALC_FOREIGNERS", "TALC_XATXX"}) {
    const std::string variable = name + "=1";
    EXPECT_EQ(parse({variable.c_str()}).warnings, "talc: unknown option " + name + "\n");
  }
}

TEST(Options, ABadValueIsToldAndIgnored) {
  const Parsed parsed = parse({"TALC_STATS=yes"});
  EXPECT_EQ(parsed.warnings, "talc: TALC_STATS must be 0, 1, text, json, prom or xml, not 'yes'\n");
  EXPECT_EQ(parsed.options->stats, talc::StatsFormat::kNone);
  for (const char* const variable :
       {"TALC_STATS_FILE=%", "TALC_STATS_FILE=a%d", "TALC_STATS_FILE=%%%", "TALC_STATS_FILE=fd:x",
        "TALC_STATS_FILE=fd:3x", "TALC_STATS_FILE=fd:99999999"}) {
    const Parsed file = parse({variable});
    EXPECT_NE(file.warnings, "") << variable;
    EXPECT_EQ(file.options->stats_file, nullptr);
  }
}

TEST(Options, APathMustFit) {
  const std::string longest = "TALC_STATS_FILE=" + std::string(talc::Options::kMaxPath - 1, 'x');
  EXPECT_EQ(parse({longest.c_str()}).warnings, "");
  const std::string longer = longest + "x";
  const Parsed parsed = parse({longer.c_str()});
  EXPECT_EQ(parsed.warnings.back(), '\n');
  EXPECT_EQ(parsed.options->stats_file, nullptr);
}

TEST(Options, AWarningStaysALine) {
  const std::string name = "TALC_" + std::string(100000, 'N') + "=1";
  const Parsed parsed = parse({name.c_str()});
  EXPECT_LT(parsed.warnings.size(), 1000U);
  EXPECT_EQ(parsed.warnings.find('\n'), parsed.warnings.size() - 1);
}

TEST(Options, ValuesArePrintedAsTheyMayBeGiven) {
  for (const auto& [name, value] : {
           std::pair{"stats", "json"},
           {"stats", "0"},
           {"stats_file", "/tmp/%e-%p-%n"},
           {"stats_file", "fd:3"},
           {"stats_interval", "5"},
           {"stats_interval", "0.25"},
           {"stats_interval", "1.005"},
           {"stats_signal", "USR2"},
           {"stats_signal", "40"},
           {"watch", "/dev/shm/%p"},
           {"verbose", "1"},
           {"purge_delay", "0"},
           {"purge_delay", "-1"},
           {"purge_delay", "2500"},
           {"dirty_ratio", "0"},
           {"dirty_ratio", "150"},
           {"background_thread", "0"},
           {"heap_limit", "none"},
           {"heap_limit", "4096"},
           {"thp", "always"},
           {"thp", "never"},
           {"foreign", "ignore"},
           {"foreign", "libc"},
           {"confirm_conf", "1"},
           {"abort_conf", "1"},
       }) {
    EXPECT_EQ(value_of(name, value), value) << name;
  }
  EXPECT_EQ(value_of("background_thread", "off"), "0");
  EXPECT_EQ(value_of("heap_limit", "3G"), std::to_string(uint64_t{3} << 30));
  EXPECT_EQ(value_of("dirty_ratio", "40%"), "40");
  EXPECT_EQ(value_of("stats_signal", "sigusr1"), "USR1");
}

TEST(Options, BadValuesNameWhatIsAllowed) {
  for (const auto& [name, value] : {
           std::pair{"stats_interval", "soon"},
           {"stats_signal", "KILL"},
           {"watch", "%n"},
           {"verbose", "loud"},
           {"purge_delay", "-2"},
           {"purge_delay", "1s"},
           {"dirty_ratio", "10001"},
           {"heap_limit", "0"},
           {"heap_limit", "101%"},
           {"background_thread", "perhaps"},
           {"thp", "huge"},
           {"foreign", "free"},
           {"stats_file", "%d"},
           {"confirm_conf", "-1"},
           {"abort_conf", "2"},
       }) {
    const std::string warning = value_of(name, value);
    EXPECT_EQ(warning.find("talc: TALC_"), 0U) << warning;
    EXPECT_NE(
        warning.find(std::string(" must be ") + option(name).values + ", not '" + value + "'\n"),
        std::string::npos)
        << warning;
  }
}

TEST(Options, OfMemoryAreSettings) {
  parse({"TALC_PURGE_DELAY=-1", "TALC_DIRTY_RATIO=5", "TALC_BACKGROUND_THREAD=no",
         "TALC_HEAP_LIMIT=2M", "TALC_THP=always", "TALC_FOREIGN=libc"});
  EXPECT_EQ(settings.purge_delay_ms, talc::Settings::kNever);
  EXPECT_EQ(settings.dirty_ratio, 5U);
  EXPECT_FALSE(settings.background_thread);
  EXPECT_EQ(settings.heap_limit, size_t{2} << 20);
  EXPECT_EQ(settings.thp, talc::Thp::always);
  EXPECT_EQ(settings.foreign, talc::Foreign::libc);
}

TEST(Options, ALimitMayBeAShareOfWhatThereIs) {
  parse({"TALC_HEAP_LIMIT=50%"});
  const size_t available = talc::memory_available();
  ASSERT_NE(available, 0U);
  EXPECT_EQ(settings.heap_limit, available / 100 * 50);
}

TEST(Conf, NamesAreWithoutThePrefix) {
  const Parsed parsed =
      parse({"TALC_CONF=stats:json,purge_delay:500,stats_file:fd:3,,heap_limit:2G,"});
  EXPECT_EQ(parsed.warnings, "");
  EXPECT_EQ(parsed.options->stats, talc::StatsFormat::kJson);
  EXPECT_STREQ(parsed.options->stats_file, "fd:3");
  EXPECT_EQ(settings.purge_delay_ms, 500);
  EXPECT_EQ(settings.heap_limit, size_t{2} << 30);
}

TEST(Conf, IsWeakerThanAVariableAndStrongerThanTheProgram) {
  const char* const compiled_in = "purge_delay:1,dirty_ratio:2,thp:never";
  for (const auto& environment :
       {std::vector{"TALC_CONF=purge_delay:10,dirty_ratio:20", "TALC_PURGE_DELAY=100"},
        std::vector{"TALC_PURGE_DELAY=100", "TALC_CONF=purge_delay:10,dirty_ratio:20"}}) {
    parse(environment, compiled_in);
    EXPECT_EQ(settings.purge_delay_ms, 100);
    EXPECT_EQ(settings.dirty_ratio, 20U);
    EXPECT_EQ(settings.thp, talc::Thp::never);
  }
}

TEST(Conf, ABadValueLeavesWhatAWeakerOneSaid) {
  const Parsed parsed = parse({"TALC_CONF=purge_delay:7", "TALC_PURGE_DELAY=late"});
  EXPECT_EQ(settings.purge_delay_ms, 7);
  EXPECT_NE(parsed.warnings, "");
}

TEST(Conf, TheLastOfOneNameCounts) {
  parse({"TALC_CONF=purge_delay:7,purge_delay:8"});
  EXPECT_EQ(settings.purge_delay_ms, 8);
}

TEST(Conf, SaysWhatIsWrongAndWhere) {
  EXPECT_EQ(parse({"TALC_CONF=speed:1"}).warnings, "talc: unknown option 'speed:1' in TALC_CONF\n");
  EXPECT_EQ(
      parse({"TALC_CONF=Purge-delay=500"}).warnings,
      "talc: unknown option 'Purge-delay=500' in TALC_CONF; did you mean 'purge_delay:500'?\n");
  EXPECT_EQ(parse({"TALC_CONF=verbos"}).warnings,
            "talc: unknown option 'verbos' in TALC_CONF; did you mean 'verbose'?\n");
  EXPECT_EQ(parse({"TALC_CONF=conv:1"}).warnings, "talc: unknown option 'conv:1' in TALC_CONF\n");
  EXPECT_EQ(
      parse({"TALC_CONF=verbose"}).warnings,
      std::string("talc: verbose in TALC_CONF must be ") + option("verbose").values + ", not ''\n");
  EXPECT_EQ(parse({}, "thp:big").warnings,
            "talc: thp in talc_conf must be adaptive, always or never, not 'big'\n");
  EXPECT_EQ(parse({"TALC_CONF=a:1,stats:json,b:2"}).options->problems, 2U);
}

TEST(Options, TellWhereTheyCameFrom) {
  const Parsed parsed = parse({"TALC_CONF=dirty_ratio:20", "TALC_STATS=json"}, "thp:never");
  char text[8192];
  talc::TextWriter out(text);
  talc::print_options(*parsed.options, out);
  const std::string lines(out.data(), out.size());
  for (const char* const line :
       {"talc: TALC_STATS=json (environment)\n", "talc: TALC_DIRTY_RATIO=20 (TALC_CONF)\n",
        "talc: TALC_THP=never (talc_conf)\n", "talc: TALC_PURGE_DELAY=1000 (preset)\n",
        "talc: TALC_STATS_FILE= (preset)\n"}) {
    EXPECT_NE(lines.find(line), std::string::npos) << line << lines;
  }
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), long{talc::kOptionCount});
  talc::TextWriter given(text);
  talc::print_given_options(*parsed.options, given);
  EXPECT_EQ(std::string(given.data(), given.size()), " stats=json dirty_ratio=20 thp=never");
}

TEST(Options, AreSetByACall) {
  const Parsed parsed = parse({});
  EXPECT_TRUE(
      talc::set_option(*parsed.options, option("purge_delay"), {"12", 2}, talc::Origin::call));
  EXPECT_EQ(settings.purge_delay_ms, 12);
  EXPECT_FALSE(
      talc::set_option(*parsed.options, option("purge_delay"), {"x", 1}, talc::Origin::call));
  EXPECT_EQ(settings.purge_delay_ms, 12);
  EXPECT_EQ(talc::find_option({"purge_dela", 10}), nullptr);
}

// ---- documents ----

// A row of docs/OPTIONS.md.
std::string row_of(const talc::Option& option) {
  char variable[64];
  talc::TextWriter out(variable);
  talc::print_variable_name(option.name, out);
  return "| `" + std::string(out.data(), out.size()) + "` | " + option.values + " | " +
         option.preset + " | " + option.meaning + " |\n";
}

TEST(Options, EachIsDocumented) {
  const std::string document = read_file(TALC_SOURCE_FOLDER "/docs/OPTIONS.md");
  std::string rows;
  for (const talc::Option& option : talc::option_table) {
    EXPECT_EQ(std::string(option.meaning).back(), '.');
    rows += row_of(option);
  }
  EXPECT_NE(document.find(rows), std::string::npos) << "docs/OPTIONS.md should have\n" << rows;
}

// A manual page as one line, its hyphens and minuses alike.
std::string read_page(const std::string& name) {
  std::string page = read_file(TALC_SOURCE_FOLDER "/docs/man/" + name);
  for (size_t at = 0; (at = page.find("\\-", at)) != std::string::npos;) {
    page.erase(at, 1);
  }
  std::replace(page.begin(), page.end(), '\n', ' ');
  return page;
}

TEST(Options, EachIsInTheManual) {
  const std::string page = read_page("talc.7");
  size_t place = 0;
  for (const talc::Option& option : talc::option_table) {
    char variable[64];
    talc::TextWriter out(variable);
    talc::print_variable_name(option.name, out);
    const std::string entry = " .It Ev " + std::string(out.data(), out.size()) + " " +
                              option.meaning + " .Pp Value: " + option.values +
                              ". Default: " + option.preset + ". ";
    const size_t found = page.find(entry, place);
    ASSERT_NE(found, std::string::npos) << "docs/man/talc.7 should have next\n" << entry;
    place = found;
  }
}

// Of those that talc_ctl can set.
TEST(Options, TheManualTellsWhichCanBeSetAtRunTime) {
  std::vector<std::string> names;
  for (const talc::Option& option : talc::option_table) {
    if (option.at_run_time) {
      names.emplace_back(option.name);
    }
  }
  std::string sentence = "Only";
  for (const std::string& name : names) {
    const bool is_last = &name == &names.back();
    sentence += is_last ? " and .Ql " + name : " .Ql " + name + " ,";
  }
  const size_t comma = sentence.rfind(" , and");
  ASSERT_NE(comma, std::string::npos);
  sentence.erase(comma, 2);
  EXPECT_NE(read_page("libtalc.3").find(sentence + " can be set while the program runs. "),
            std::string::npos)
      << sentence;
}

TEST(Options, EachIsInTheReadme) {
  const std::string readme = read_file(TALC_SOURCE_FOLDER "/README.md");
  for (const talc::Option& option : talc::option_table) {
    const std::string row = row_of(option);
    const std::string variable = row.substr(0, row.find('`', 3) + 1);
    EXPECT_NE(readme.find(variable), std::string::npos) << variable;
  }
}

}  // namespace
