// The text and the JSON of a report, from made-up counters. When and where they are written:
// process_test.cpp.
#include "interpose/report.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <sstream>
#include <string>

namespace {

using talc::ProcessStats;

template <class Print>
std::string printed(Print print, const char* program, const ProcessStats& stats) {
  auto buffer = std::make_unique<char[]>(talc::kMaxReportBytes);
  talc::TextWriter out(buffer.get(), talc::kMaxReportBytes);
  print(out, talc::ReportSubject{program, 4711}, stats);
  EXPECT_FALSE(out.is_truncated());
  return {out.data(), out.size()};
}

std::unique_ptr<ProcessStats> largest_stats() {
  auto stats = std::make_unique<ProcessStats>();
  memset(static_cast<void*>(stats.get()), 0xff, sizeof *stats);
  stats->arena_count = talc::kMaxArenas;
  return stats;
}

TEST(TextReport, NamesTheProcessAndEachField) {
  ProcessStats stats;
  stats.allocations = 12;
  stats.allocated = 12345678;
  stats.arena_count = 2;
  stats.arenas[1].frees = 77;
  const std::string text = printed(talc::print_text_report, "prog", stats);
  EXPECT_EQ(text.find("talc: prog, process 4711\n"), 0U);
  EXPECT_NE(text.find("  allocations                 12  "), std::string::npos) << text;
  EXPECT_NE(text.find("  allocated             12345678    11.7 MiB  "), std::string::npos) << text;
  EXPECT_NE(text.find("      1            0           77"), std::string::npos) << text;
}

TEST(TextReport, HasLinesThatFitAScreen) {
  std::istringstream text(printed(talc::print_text_report, "prog", *largest_stats()));
  for (std::string line; std::getline(text, line);) {
    EXPECT_LE(line.size(), 7U + 7 * 20) << line;  // only if every number is the largest there is
  }
  std::istringstream small(printed(talc::print_text_report, "prog", ProcessStats()));
  for (std::string line; std::getline(small, line);) {
    EXPECT_LE(line.size(), 100U) << line;
  }
}

TEST(JsonReport, IsOneLineWithEveryKey) {
  ProcessStats stats;
  stats.arena_count = 2;
  const std::string json = printed(talc::print_json_report, "prog", stats);
  EXPECT_EQ(json.find('\n'), json.size() - 1);
  EXPECT_EQ(json.find(R"({"program": "prog", "process": 4711, "allocations": 0, )"), 0U) << json;
  for (const char* const key :
       {"allocations", "frees", "allocated", "active", "metadata", "resident", "mapped", "retained",
        "peak", "heaps", "mappings", "arenas"}) {
    EXPECT_NE(json.find('"' + std::string(key) + "\": "), std::string::npos) << key;
  }
  EXPECT_NE(json.find(R"("arenas": [{"allocations": 0, )"), std::string::npos) << json;
  EXPECT_NE(json.find("}, {"), std::string::npos) << json;
}

TEST(JsonReport, EscapesTheProgram) {
  const std::string json = printed(talc::print_json_report, "a\"b\\c\n\xc3\xa4", ProcessStats());
  EXPECT_EQ(json.find(R"({"program": "a\u0022b\u005cc\u000a\u00c3\u00a4", )"), 0U) << json;
}

TEST(Reports, FitTheBufferWhateverTheNumbers) {
  const auto stats = largest_stats();
  const std::string program(63, '"');
  printed(talc::print_text_report, program.c_str(), *stats);
  printed(talc::print_json_report, program.c_str(), *stats);
}

}  // namespace
