// The four forms of a report, from a made-up snapshot. When and where they are written:
// process_test.cpp and service_test.cpp.
#include "interpose/report.hpp"

#include <gtest/gtest.h>
#include <string.h>

#include <fstream>
#include <iterator>
#include <memory>
#include <new>
#include <regex>
#include <set>
#include <sstream>
#include <string>

#include "interpose/report_buffer.hpp"

namespace {

using namespace talc;

using Print = void (*)(TextWriter&, const Subject&, const Snapshot&);
constexpr Print kForms[] = {print_text_report, print_json_report, print_prom_report,
                            print_xml_report};

std::string printed(Print print, const Snapshot& snapshot, const char* program = "prog",
                    const Options& options = Options()) {
  auto buffer = std::make_unique<char[]>(ReportBuffer::kTextBytes);
  TextWriter out(buffer.get(), ReportBuffer::kTextBytes);
  print(out, Subject{program, 4711, "talc", options}, snapshot);
  EXPECT_FALSE(out.is_truncated());
  return {out.data(), out.size()};
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// Each field has a value of its own.
std::unique_ptr<Snapshot> numbered_snapshot() {
  auto snapshot = std::make_unique<Snapshot>();
  snapshot->reason = Reason::signal;
  snapshot->date_ms = 1700000000123;
  snapshot->uptime_ms = 61005;
  size_t value = 1000001;
  for (const Field& field : kFields) {
    snapshot->stats.*field.value = value++;
  }
  for (const KernelField& field : kKernelFields) {
    snapshot->kernel.*field.value = value++;
  }
  for (const CallField& field : kCallFields) {
    snapshot->calls.*field.value = value++;
  }
  for (const MiddleField& field : kMiddleFields) {
    snapshot->stats.*field.value = value++;
  }
  for (const PurgeField& field : kPurgeFields) {
    snapshot->stats.*field.value = value++;
  }
  snapshot->advised_bytes = value++;
  snapshot->stats.arena_count = 2;
  for (const ArenaField& field : kArenaFields) {
    snapshot->stats.arenas[1].*field.value = value++;
  }
  value += 1000;  // there are no more live slots than slots
  for (const ClassField& field : kClassFields) {
    snapshot->detail.classes[2].*field.value = value--;
  }
  HeapDetail& detail = snapshot->detail;
  detail.thread_count = 1;
  detail.threads[0] = {.arena = 1, .is_active = true, .cached = 11, .in_transit = 12, .hot = 13};
  detail.heap_count = 1;
  detail.heaps[0].arena = 1;
  detail.heaps[0].base = reinterpret_cast<const char*>(0x7f0012340000);
  detail.heaps[0].bytes = 6 * 4096;
  detail.heaps[0].cell_bytes = 4096;
  detail.heaps[0].cell_count = 6;
  for (unsigned i = 0; i < 6; ++i) {
    detail.heaps[0].cells[i] = static_cast<HeapMap::Use>(i);
  }
  return snapshot;
}

// Every number is the largest there is, and there is as much as can be of everything.
std::unique_ptr<Snapshot> largest_snapshot() {
  auto snapshot = std::make_unique<Snapshot>();
  memset(static_cast<void*>(snapshot.get()), 0xff, sizeof *snapshot);
  snapshot->reason = Reason::interval;
  snapshot->stats.arena_count = kMaxArenas;
  for (const KernelField& field : kKernelFields) {
    snapshot->kernel.*field.value = ProcessMemory::kUnknown - 1;
  }
  HeapDetail& detail = snapshot->detail;
  detail.thread_count = HeapDetail::kMaxThreads;
  detail.heap_count = HeapDetail::kMaxHeaps;
  for (ThreadStats& thread : detail.threads) {
    thread.is_active = false;
  }
  for (HeapMap& heap : detail.heaps) {
    heap.cell_count = HeapMap::kMaxCells;
    for (HeapMap::Use& cell : heap.cells) {
      cell = HeapMap::Use::metadata;
    }
  }
  return snapshot;
}

TEST(Reports, FitTheBufferWhateverTheNumbers) {
  const auto snapshot = largest_snapshot();
  const std::string program(63, '"');
  auto options = std::make_unique<Options>();
  const std::string path(Options::kMaxPath - 1, '"');
  options->stats_file = path.c_str();
  options->watch = path.c_str();
  for (const Print print : kForms) {
    EXPECT_LE(printed(print, *snapshot, program.c_str(), *options).size(),
              ReportBuffer::kTextBytes / 4 * 3);
  }
}

TEST(Reports, HaveWhatTheKernelWasAskedForInEachForm) {
  const auto snapshot = numbered_snapshot();
  settings.heap_limit = 7654321;
  for (const Print print : kForms) {
    const std::string report = printed(print, *snapshot);
    const auto expect = [&](size_t value) {
      EXPECT_TRUE(contains(report, std::to_string(value))) << value << '\n' << report;
    };
    for (const CallField& field : kCallFields) {
      expect(snapshot->calls.*field.value);
    }
    for (const PurgeField& field : kPurgeFields) {
      expect(snapshot->stats.*field.value);
    }
    expect(snapshot->kernel.rss);
    expect(snapshot->advised_bytes);
    expect(settings.heap_limit);
  }
  settings.heap_limit = Settings::kUnlimited;
}

TEST(Reports, HaveEachFieldInEachForm) {
  const auto snapshot = numbered_snapshot();
  for (const Print print : {print_json_report, print_prom_report, print_xml_report}) {
    const std::string report = printed(print, *snapshot);
    for (const Field& field : kFields) {
      const size_t value = snapshot->stats.*field.value;
      const std::string number =
          field.unit == Unit::kMilliseconds
              ? std::to_string(value / 1000) + "." + std::to_string(1000 + value % 1000).substr(1)
              : std::to_string(value);
      EXPECT_TRUE(contains(report, number)) << field.name << '\n' << report;
    }
    for (const ClassField& field : kClassFields) {
      EXPECT_TRUE(contains(report, std::to_string(snapshot->detail.classes[2].*field.value)));
    }
  }
}

// ---- text ----

TEST(TextReport, BeginsWithWhoseItIs) {
  const std::string text = printed(print_text_report, *numbered_snapshot());
  EXPECT_EQ(text.find("talc: prog, process 4711, for a signal, after 61.005 s (talc "), 0U) << text;
}

TEST(TextReport, HasTheLargestPartFirst) {
  Snapshot snapshot;
  ProcessStats& stats = snapshot.stats;
  stats.allocated = 3000;
  stats.active = 3100;
  stats.gaps = 12345678;
  stats.cached = 70000;
  stats.kept = 1;
  stats.metadata = 0;
  stats.mapped = stats.active + stats.gaps + stats.cached + stats.kept;
  const std::string text = printed(print_text_report, snapshot);
  EXPECT_TRUE(contains(text, "\n  gaps                    12345678    11.7 MiB   99.4%   "))
      << text;
  EXPECT_TRUE(contains(text, "\n  overhead                     100   100 B        0.0%   "))
      << text;
  size_t last = 0;
  for (const char* const name : {"gaps", "cached", "allocated", "overhead", "kept", "metadata"}) {
    const size_t at = text.find(std::string("\n  ") + name + ' ');
    ASSERT_NE(at, std::string::npos) << name;
    EXPECT_GT(at, last) << name << '\n' << text;
    last = at;
  }
}

TEST(TextReport, HasTheClassWithTheMostUnusedFirstAndOnlyAFew) {
  Snapshot snapshot;
  for (unsigned i = 0; i < 40; ++i) {
    snapshot.detail.classes[i] = {.slabs = 1, .slots = 100 + i, .live = 100};
  }
  const std::string text = printed(print_text_report, snapshot);
  EXPECT_TRUE(contains(text, "\n    640        24960            1          139          100 "))
      << text;
  EXPECT_TRUE(contains(text, "\n    and 28 size classes more\n"));
  EXPECT_FALSE(contains(text, "\n     16 "));
}

TEST(TextReport, HasLinesThatFitAScreen) {
  std::istringstream text(printed(print_text_report, *numbered_snapshot()));
  for (std::string line; std::getline(text, line);) {
    EXPECT_LE(line.size(), 7U + 9 * 13) << line;
  }
}

// ---- JSON ----

TEST(JsonReport, IsOneLineThatBeginsWithItsSchema) {
  const std::string json = printed(print_json_report, *numbered_snapshot());
  EXPECT_EQ(json.find('\n'), json.size() - 1);
  EXPECT_EQ(json.find(R"({"schema": 1, "library": "talc", "version": ")"), 0U) << json;
  for (const char* const part :
       {R"("program": "prog", "process": 4711, "timestamp": 1700000000.123, "uptime": 61.005, )",
        R"("reason": "signal", "allocations": 1000001, )", R"("heap_limit": null, )",
        R"("kernel": {"rss": )", R"("calls": {"mmap": )",
        R"("thp": {"mode": "adaptive", "advised": 10000)", R"("arenas": [{"allocations": 0, )",
        R"("classes": [{"size": 48, "slabs": )", R"("middle": {"blocks": )",
        R"("threads": [{"arena": 1, "active": true, "cached": 11, "in_transit": 12, "hot": 13}], )",
        R"("threads_left_out": 0, "heap_map": [{"arena": 1, "base": "0x7f0012340000", )",
        R"("bytes": 24576, "cell": 4096, "cells": "##=~.m"}], "heaps_left_out": 0, )",
        R"("options": {"stats": "0", "stats_file": "", "stats_interval": 0, )",
        R"("purge_delay": 1000, "dirty_ratio": 25, "background_thread": true, )",
        R"("heap_limit": null, "thp": "adaptive", )"}) {
    EXPECT_TRUE(contains(json, part)) << part << '\n' << json;
  }
}

TEST(JsonReport, SaysNullForWhatTheKernelDoesNotTell) {
  const std::string json = printed(print_json_report, Snapshot());
  EXPECT_TRUE(contains(json, R"("kernel": {"rss": null, "anon_huge_pages": null, )")) << json;
}

// What it did stays in the sums.
TEST(JsonReport, HasAClassWhoseSlabsAreGone) {
  Snapshot snapshot;
  snapshot.detail.classes[2] = {.allocations = 5, .frees = 5};
  const std::string json = printed(print_json_report, snapshot);
  const char* const part = R"("classes": [{"size": 48, "slabs": 0, )";
  EXPECT_TRUE(contains(json, part)) << json;
  EXPECT_TRUE(contains(json, R"("allocations": 5, "frees": 5}], )")) << json;
}

TEST(JsonReport, EscapesTheProgram) {
  const std::string json = printed(print_json_report, Snapshot(), "a\"b\\c\n\xc3\xa4");
  EXPECT_TRUE(contains(json, R"("program": "a\u0022b\u005cc\u000a\u00c3\u00a4", )")) << json;
}

// ---- Prometheus ----

TEST(PromReport, IsFamiliesOfSamples) {
  const std::string text = printed(print_prom_report, *numbered_snapshot(), "a\"b\\c\n");
  const std::regex help("# HELP (talc_[a-z_]+) [^\n]+");
  const std::regex type("# TYPE (talc_[a-z_]+) (gauge|counter)");
  const std::regex sample(
      "(talc_[a-z_]+)\\{program=\"a\\\\\"b\\\\\\\\c\\\\n\",process=\"4711\""
      "(,[a-z]+=\"[^\"]*\")*\\} ([0-9]+)(\\.[0-9]{3})?");
  std::set<std::string> families;
  std::string family;
  std::string kind;
  std::istringstream lines(text);
  std::smatch match;
  for (std::string line; std::getline(lines, line);) {
    if (std::regex_match(line, match, help)) {
      family = match[1];
      EXPECT_TRUE(families.insert(family).second) << family << " is there twice";
    } else if (std::regex_match(line, match, type)) {
      EXPECT_EQ(match[1], family);
      kind = match[2];
      EXPECT_EQ(kind == "counter", family.ends_with("_total")) << family;
    } else {
      ASSERT_TRUE(std::regex_match(line, match, sample)) << line;
      EXPECT_EQ(match[1], family);
    }
  }
  for (const char* const name :
       {"talc_allocations_total", "talc_allocated_bytes", "talc_huge_bytes", "talc_heaps",
        "talc_peak_uptime_seconds", "talc_process_rss_bytes", "talc_calls_mmap_total",
        "talc_arena_mapped_bytes", "talc_class_live", "talc_class_allocations_total",
        "talc_class_frees_total", "talc_middle_allocations_total",
        "talc_process_minor_faults_total", "talc_middle_hot_bytes"}) {
    EXPECT_TRUE(families.contains(name)) << name;
  }
  EXPECT_TRUE(contains(text, ",size=\"48\"} "));
  EXPECT_TRUE(contains(text, ",arena=\"1\"} "));
}

// ---- XML ----

// Every tag that opens closes, in order.
void expect_well_formed(const std::string& xml) {
  std::vector<std::string> open;
  const std::regex tag("<(/?)([a-z]+)((?: [a-z_]+=\"[^\"<]*\")*)(/?)>");
  size_t tags = 0;
  for (std::sregex_iterator at(xml.begin(), xml.end(), tag), end; at != end; ++at, ++tags) {
    if ((*at)[1].length() != 0) {
      ASSERT_FALSE(open.empty());
      EXPECT_EQ(open.back(), (*at)[2]);
      open.pop_back();
    } else if ((*at)[4].length() == 0) {
      open.push_back((*at)[2]);
    }
  }
  EXPECT_TRUE(open.empty());
  EXPECT_EQ(tags, static_cast<size_t>(std::count(xml.begin(), xml.end(), '<')));
}

TEST(XmlReport, IsWellFormedWhateverTheProgramIsCalled) {
  const std::string xml = printed(print_xml_report, *numbered_snapshot(), "<a> & \"b\"\x01\xe4");
  expect_well_formed(xml);
  EXPECT_TRUE(contains(xml, "program=\"&#60;a> &#38; &#34;b&#34;?&#228;\"")) << xml;
}

TEST(XmlReport, HasEachThreadsCache) {
  const std::string xml = printed(print_xml_report, *numbered_snapshot());
  const char thread[] = R"(<thread arena="1" active="true" cached="11" in_transit="12" hot="13"/>)";
  EXPECT_TRUE(contains(xml, thread)) << xml;
}

TEST(XmlReport, HasGlibcsElements) {
  Snapshot snapshot;
  snapshot.stats.arena_count = 1;
  snapshot.stats.arenas[0].mapped = 500;
  snapshot.stats.arenas[0].retained = 40;
  snapshot.stats.arenas[0].cached = 10;
  snapshot.stats.arenas[0].fragments = 3;
  snapshot.stats.huge_blocks = 2;
  snapshot.stats.huge_bytes = 77;
  snapshot.stats.peak = 900;
  const std::string xml = printed(print_xml_report, snapshot);
  for (const char* const part : {"<malloc version=\"1\">\n<heap nr=\"0\">\n<sizes>\n</sizes>\n"
                                 "<total type=\"fast\" count=\"0\" size=\"10\"/>\n"
                                 "<total type=\"rest\" count=\"3\" size=\"30\"/>\n"
                                 "<system type=\"current\" size=\"500\"/>\n</heap>\n",
                                 "<total type=\"mmap\" count=\"2\" size=\"77\"/>\n",
                                 "<system type=\"max\" size=\"900\"/>\n"}) {
    EXPECT_TRUE(contains(xml, part)) << part << xml;
  }
}

// ---- the document ----

TEST(Fields, EachIsDocumented) {
  std::ifstream file(TALC_SOURCE_FOLDER "/docs/STATISTICS.md");
  const std::string document{std::istreambuf_iterator<char>(file), {}};
  const auto expect_row = [&](const std::string& name) {
    EXPECT_TRUE(contains(document, "| `" + name + "` |")) << name;
  };
  for (const Field& field : kFields) {
    expect_row(field.name);
  }
  for (const KernelField& field : kKernelFields) {
    expect_row(std::string("kernel.") + field.name);
  }
  for (const CallField& field : kCallFields) {
    EXPECT_TRUE(contains(document, std::string("`") + field.name + "`")) << field.name;
  }
  for (const ClassField& field : kClassFields) {
    expect_row(std::string("classes[].") + field.name);
  }
  for (const PurgeField& field : kPurgeFields) {
    expect_row(std::string("purges.") + field.name);
  }
  for (const MiddleField& field : kMiddleFields) {
    expect_row(std::string("middle.") + field.name);
  }
}

// Keys in the order of the report, each once in a row of the document.
TEST(JsonReport, HasOnlyDocumentedKeys) {
  std::ifstream file(TALC_SOURCE_FOLDER "/docs/STATISTICS.md");
  const std::string document{std::istreambuf_iterator<char>(file), {}};
  const std::string json = printed(print_json_report, *numbered_snapshot());
  const std::string before_options = json.substr(0, json.find("\"options\": "));
  const std::regex key("\"([a-z_]+)\": ");
  for (std::sregex_iterator at(before_options.begin(), before_options.end(), key), end; at != end;
       ++at) {
    const std::string name = (*at)[1];
    const std::regex documented("`([a-z_]+(\\[\\])?\\.)?" + name + "[`.[]");
    EXPECT_TRUE(std::regex_search(document, documented)) << name;
  }
}

}  // namespace
