// The run-time options: one table, from which they are parsed and which documents them.
//
// Read once, in one pass over the environment as the kernel handed it over, before the program can
// change it; values are copied, since programs overwrite their environment to rename themselves.
// Every problem is told once, in a line, and never stops the program. Not read under AT_SECURE: who
// starts a set-uid program must not choose where it writes. process.cpp calls, report_output.cpp
// obeys.
#pragma once

#include <stddef.h>

namespace talc {

enum class StatsFormat : unsigned char { kUnset, kNone, kText, kJson };

struct Options {
  // kUnset only while parsing: without TALC_STATS, a file to write to asks for text.
  StatsFormat stats = StatsFormat::kUnset;

  // Pattern of the report's path, NUL-terminated; empty: standard error.
  static constexpr size_t kMaxPath = 4096;
  char stats_file[kMaxPath] = {};
};

// One line of the table.
struct Option {
  const char* name;
  const char* values;                                // what may be given, as a reader is told it
  const char* preset;                                // what holds when it is not given
  const char* meaning;                               // one sentence
  bool (*set)(Options& options, const char* value);  // false: not a value of this option
};

inline constexpr size_t kOptionCount = 2;
extern const Option option_table[kOptionCount];

// Told of a problem: one line, with its newline, not NUL-terminated.
using OptionWarning = void (*)(const char* line, size_t size_bytes);

// Requires: `environment` is an array of "NAME=value" that ends with null, or null itself. Ensures:
// every variable that begins with TALC_ was obeyed or warned about; of several with one name the
// first counts, as for getenv, and an empty value is none. Cost: one pass; allocates nothing.
void parse_options(const char* const* environment, Options& options, OptionWarning warn);

}  // namespace talc
