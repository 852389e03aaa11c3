// The run-time options: one table, from which they are parsed, printed and documented.
//
//   talc_conf, a string in the program  <  TALC_CONF=name:value,…  <  TALC_NAME=value  <  a call
//
// Read once, in one pass over the environment as the kernel handed it over, before the program can
// change it; values are copied, since programs overwrite their environment to rename themselves.
// Every problem is told once, in a line, and stops the program only if TALC_ABORT_CONF says so. Not
// read under AT_SECURE: who starts a set-uid program must not choose where it writes. What may
// change later is written to talc::settings, the rest to Options. process.cpp calls; docs/OPTIONS.md
// has the same table, which a test compares.
#pragma once

#include <stddef.h>

#include "interpose/option_values.hpp"
#include "talc/api/settings.hpp"
#include "talc/base/text.hpp"

namespace talc {

// kUnset only while parsing: see parse_options.
enum class StatsFormat : unsigned char { kUnset, kNone, kText, kJson, kProm, kXml };

// Where a value came from, the weakest first.
enum class Origin : unsigned char { preset, compiled_in, conf, variable, call };

inline constexpr size_t kOptionCount = 14;

struct Options {
  static constexpr size_t kMaxPath = 4096;

  StatsFormat stats = StatsFormat::kUnset;  // of the report at the end
  unsigned stats_interval_ms = 0;           // 0: none
  int stats_signal = 0;                     // 0: none
  const char* stats_file = nullptr;         // a pattern, or fd:N; null: standard error
  const char* watch = nullptr;              // a pattern; null: no page
  bool verbose = false;
  bool confirm_conf = false;
  bool abort_conf = false;

  Origin origins[kOptionCount] = {};
  unsigned problems = 0;  // that were told

  // The format of reports on demand: that of the one at the end, or what it would be.
  StatsFormat format() const {
    const bool is_set = stats != StatsFormat::kUnset && stats != StatsFormat::kNone;
    return is_set ? stats : stats_interval_ms != 0 ? StatsFormat::kJson : StatsFormat::kText;
  }
};

// One line of the table.
struct Option {
  // In TALC_CONF and as a key of reports. The variable is the same in capitals, after TALC_.
  const char* name;
  enum class Kind : unsigned char { word, number, on_off } kind;
  bool at_run_time;     // may be set while the program runs: it is in talc::settings
  const char* values;   // what may be given, as a reader is told it
  const char* preset;   // what holds when it is not given
  const char* meaning;  // a sentence or two
  bool (*set)(Options& options, Piece value);  // false: not a value of this option
  void (*print)(const Options& options,
                TextWriter& out);  // the value in effect, as it may be given
};

// The word for a mode, as TALC_THP has it.
const char* thp_name(Thp mode);

extern const Option option_table[kOptionCount];

// A form of reports by its name, as TALC_STATS takes it. False: there is none of that name.
bool read_format(Piece name, StatsFormat& format);

// Null if there is none of that name.
const Option* find_option(Piece name);
// "TALC_PURGE_DELAY" of "purge_delay".
void print_variable_name(const char* name, TextWriter& out);

// Sets one option. Returns whether `value` is one of its values. Requires: `option` is of the table.
bool set_option(Options& options, const Option& option, Piece value, Origin origin);

// Told of a problem: one line, with its newline, not NUL-terminated.
using OptionWarning = void (*)(const char* line, size_t size_bytes);

// Requires: `environment` is an array of "NAME=value" that ends with null, or null itself; so may
// `compiled_in`, the program's talc_conf, be. Ensures: every variable that begins with TALC_ was
// obeyed or warned about; of several with one name the first counts, as for getenv, and an empty
// value is none. Without TALC_STATS, an interval asks for JSON at the end, a file alone for text.
// Cost: a few passes; allocates nothing.
[[gnu::cold]] void parse_options(const char* const* environment, const char* compiled_in,
                                 Options& options, OptionWarning warn);

// "talc: TALC_PURGE_DELAY=500 (TALC_CONF)", a line for each option: what TALC_CONFIRM_CONF asks for.
void print_options(const Options& options, TextWriter& out);
// " purge_delay=500 stats=json": those that were given.
void print_given_options(const Options& options, TextWriter& out);

}  // namespace talc
