// The counters as text for people and as JSON for programs, written without allocating.
//
// Both are fed by one table of fields, whose names are the keys and are only ever added to. At
// exit, and from malloc_stats. What the values mean: talc/api/process_stats.hpp.
#pragma once

#include "talc/api/process_stats.hpp"
#include "talc/base/text.hpp"

namespace talc {

// Whose counters they are.
struct ReportSubject {
  const char* program;
  int process;
};

// Lines that begin with "talc: program, process n" and hold a field each, then a table of the
// arenas.
void print_text_report(TextWriter& out, const ReportSubject& subject, const ProcessStats& stats);

// One line that is an object. Bytes of the program's name that are not ASCII stand as \u00xx.
void print_json_report(TextWriter& out, const ReportSubject& subject, const ProcessStats& stats);

// Bytes that hold any report: numbers have at most 20 digits, and at most 20 bytes stand around
// each.
inline constexpr size_t kMaxReportBytes = 2048 + kMaxArenas * 13 * (20 + 20);

}  // namespace talc
