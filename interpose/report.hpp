// Reports: a snapshot as text for people, as JSON for programs, for Prometheus, and as glibc's XML;
// written without allocating.
//
// All are fed by one table of fields (report_fields.hpp). docs/STATISTICS.md says what is in each.
// Used by statistics_service.cpp, introspection.cpp and whoever prints one by a call.
#pragma once

#include "interpose/options.hpp"
#include "interpose/report_fields.hpp"
#include "interpose/snapshot.hpp"
#include "talc/base/text.hpp"

namespace talc {

// Whose report it is.
struct Subject {
  const char* program;
  int process;
  const char* library;
  const Options& options;
};

// Requires: a format that is one.
void print_report(TextWriter& out, StatsFormat format, const Subject& subject,
                  const Snapshot& snapshot);

// A line that begins with "talc: program, process n", then where the bytes are, the largest first.
void print_text_report(TextWriter& out, const Subject& subject, const Snapshot& snapshot);

// One line that is an object. Bytes of strings that are not ASCII stand as \u00xx.
void print_json_report(TextWriter& out, const Subject& subject, const Snapshot& snapshot);

// Prometheus's text format: a family of metrics for each field.
void print_prom_report(TextWriter& out, const Subject& subject, const Snapshot& snapshot);

// What malloc_info prints: glibc's elements, and one of ours with every field.
void print_xml_report(TextWriter& out, const Subject& subject, const Snapshot& snapshot);

// ---- for those who print them ----

const char* name_of(Reason reason);
// "12.345" of 12345.
TextWriter& print_seconds(TextWriter& out, uint64_t milliseconds);
// `value` in the field's unit: milliseconds as seconds.
TextWriter& print_value(TextWriter& out, Unit unit, uint64_t value);

}  // namespace talc
