// The table of options, and what each does with its value. See options.hpp.
#include "interpose/options.hpp"

#include "talc/api/thp.hpp"
#include "talc/os/memory_available.hpp"

namespace talc {
namespace {

// A word and what it stands for.
template <class T>
struct Word {
  const char* word;
  T meaning;
};

template <class T, size_t kCount>
bool read_word(Piece value, const Word<T> (&words)[kCount], T& result) {
  for (const Word<T>& word : words) {
    if (values::is(value, word.word)) {
      result = word.meaning;
      return true;
    }
  }
  return false;
}

// The last word of that meaning.
template <class T, size_t kCount>
const char* word_of(const Word<T> (&words)[kCount], T meaning) {
  const char* found = "";
  for (const Word<T>& word : words) {
    found = word.meaning == meaning ? word.word : found;
  }
  return found;
}

template <class T, size_t kCount, class Target>
bool store_word(Piece value, const Word<T> (&words)[kCount], Target& target) {
  T found{};
  if (!read_word(value, words, found)) {
    return false;
  }
  target = found;
  return true;
}

template <class Target>
bool store_switch(Piece value, Target& target) {
  bool found = false;
  if (!values::read_switch(value, found)) {
    return false;
  }
  target = found;
  return true;
}

void print_switch(bool value, TextWriter& out) { out.character(value ? '1' : '0'); }

// Copies of the patterns. Not in Options, of which every process touches a page.
using PatternCopy = char[Options::kMaxPath];
constinit PatternCopy stats_file_copy = {};
constinit PatternCopy watch_copy = {};

bool store_pattern(Piece value, const char* letters, PatternCopy& copy, const char*& target) {
  if (value.size >= sizeof copy || !values::is_pattern(value, letters)) {
    return false;
  }
  copy_bytes(copy, value.text, value.size);
  copy[value.size] = '\0';
  target = value.size == 0 ? nullptr : copy;
  return true;
}
void print_pattern(const char* pattern, TextWriter& out) {
  out.text(pattern == nullptr ? "" : pattern);
}

// ---- reports ----

constexpr Word<StatsFormat> kFormats[] = {
    {"0", StatsFormat::kNone},    {"1", StatsFormat::kText},    {"text", StatsFormat::kText},
    {"json", StatsFormat::kJson}, {"prom", StatsFormat::kProm}, {"xml", StatsFormat::kXml},
};

bool set_stats(Options& options, Piece value) { return store_word(value, kFormats, options.stats); }
void print_stats(const Options& options, TextWriter& out) {
  out.text(options.stats == StatsFormat::kUnset ? "0" : word_of(kFormats, options.stats));
}

// Only the placeholders that report_output.cpp expands may follow a percent sign.
bool set_stats_file(Options& options, Piece value) {
  constexpr size_t kPrefix = sizeof "fd:" - 1;
  constexpr uint64_t kMaxDescriptor = 1 << 20;
  if (value.size > kPrefix && values::is({value.text, kPrefix}, "fd:")) {
    uint64_t descriptor = 0;
    if (!values::read_number({value.text + kPrefix, value.size - kPrefix}, kMaxDescriptor,
                             descriptor)) {
      return false;
    }
  }
  return store_pattern(value, "pen", stats_file_copy, options.stats_file);
}
void print_stats_file(const Options& options, TextWriter& out) {
  print_pattern(options.stats_file, out);
}

bool set_stats_interval(Options& options, Piece value) {
  uint64_t milliseconds = 0;
  if (!values::read_seconds(value, milliseconds)) {
    return false;
  }
  options.stats_interval_ms = static_cast<unsigned>(milliseconds);
  return true;
}
void print_stats_interval(const Options& options, TextWriter& out) {
  unsigned thousandths = options.stats_interval_ms % 1000;
  out.decimal(options.stats_interval_ms / 1000);
  for (unsigned unit = 100; thousandths != 0; thousandths %= unit, unit /= 10) {
    out.text(unit == 100 ? "." : "").decimal(thousandths / unit);
  }
}

bool set_stats_signal(Options& options, Piece value) {
  if (values::is(value, "0")) {
    options.stats_signal = 0;
    return true;
  }
  return values::read_signal(value, options.stats_signal);
}
void print_stats_signal(const Options& options, TextWriter& out) {
  const char* const name = values::signal_name(options.stats_signal);
  name != nullptr ? out.text(name) : out.decimal(static_cast<uint64_t>(options.stats_signal));
}

bool set_watch(Options& options, Piece value) {
  return store_pattern(value, "pe", watch_copy, options.watch);
}
void print_watch(const Options& options, TextWriter& out) { print_pattern(options.watch, out); }

// ---- memory ----

constexpr uint64_t kMaxDelayMs = (uint64_t{1} << 31) - 1;

bool set_purge_delay(Options&, Piece value) {
  if (values::is(value, "-1")) {
    settings.purge_delay_ms = Settings::kNever;
    return true;
  }
  uint64_t milliseconds = 0;
  if (!values::read_number(value, kMaxDelayMs, milliseconds)) {
    return false;
  }
  settings.purge_delay_ms = static_cast<long>(milliseconds);
  return true;
}
void print_purge_delay(const Options&, TextWriter& out) {
  const long delay_ms = settings.purge_delay_ms;
  delay_ms < 0 ? out.text("-1") : out.decimal(static_cast<uint64_t>(delay_ms));
}

bool set_dirty_ratio(Options&, Piece value) {
  constexpr uint64_t kMaxRatio = 10000;
  uint64_t percent = 0;
  if (!values::read_number(value, kMaxRatio, percent) &&
      !values::read_percent(value, kMaxRatio, percent)) {
    return false;
  }
  settings.dirty_ratio = static_cast<unsigned>(percent);
  return true;
}
void print_dirty_ratio(const Options&, TextWriter& out) { out.decimal(settings.dirty_ratio); }

bool set_background_thread(Options&, Piece value) {
  return store_switch(value, settings.background_thread);
}
void print_background_thread(const Options&, TextWriter& out) {
  print_switch(settings.background_thread, out);
}

bool set_heap_limit(Options&, Piece value) {
  size_t bytes = Settings::kUnlimited;
  uint64_t percent = 0;
  if (values::read_percent(value, 100, percent)) {
    const size_t available = memory_available();
    bytes = available == ~size_t{0} ? Settings::kUnlimited
                                    : available / 100 * static_cast<size_t>(percent);
  } else if (!values::is(value, "none") && !values::read_bytes(value, bytes)) {
    return false;
  }
  settings.heap_limit = bytes;
  return true;
}
void print_heap_limit(const Options&, TextWriter& out) {
  const size_t limit = settings.heap_limit;
  limit == Settings::kUnlimited ? out.text("none") : out.decimal(limit);
}

constexpr Word<Thp> kThp[] = {
    {"adaptive", Thp::adaptive}, {"always", Thp::always}, {"never", Thp::never}};

bool set_thp(Options&, Piece value) {
  Thp thp = Thp::adaptive;
  if (!read_word(value, kThp, thp)) {
    return false;
  }
  talc::set_thp(thp);
  return true;
}
void print_thp(const Options&, TextWriter& out) { out.text(thp_name(settings.thp)); }

constexpr Word<Foreign> kForeign[] = {
    {"abort", Foreign::abort}, {"ignore", Foreign::ignore}, {"libc", Foreign::libc}};

bool set_foreign(Options&, Piece value) { return store_word(value, kForeign, settings.foreign); }
void print_foreign(const Options&, TextWriter& out) {
  out.text(word_of(kForeign, settings.foreign.load()));
}

// ---- options about options ----

bool set_verbose(Options& options, Piece value) { return store_switch(value, options.verbose); }
void print_verbose(const Options& options, TextWriter& out) { print_switch(options.verbose, out); }

bool set_confirm_conf(Options& options, Piece value) {
  return store_switch(value, options.confirm_conf);
}
void print_confirm_conf(const Options& options, TextWriter& out) {
  print_switch(options.confirm_conf, out);
}

bool set_abort_conf(Options& options, Piece value) {
  return store_switch(value, options.abort_conf);
}
void print_abort_conf(const Options& options, TextWriter& out) {
  print_switch(options.abort_conf, out);
}

constexpr char kSwitch[] = "1 or 0, yes or no, on or off";

}  // namespace

using enum Option::Kind;

// In the order of docs/OPTIONS.md, which has the same words.
const Option option_table[kOptionCount] = {
    {"stats", word, false, "0, 1, text, json, prom or xml",
     "0; with an interval json, with a file alone text",
     "Report when the process ends. 1 is text, 0 is none.", set_stats, print_stats},
    {"stats_file", word, false,
     "a path, in which %p is the process, %e the program, %n the number of the report and %% a "
     "percent sign; or fd:N",
     "standard error",
     "Append reports to this file, which is created if need be, or write them to "
     "the descriptor N.",
     set_stats_file, print_stats_file},
    {"stats_interval", number, false, "seconds, perhaps with decimals", "0",
     "Report as often while the process runs, in JSON, one line each. 0 is never.",
     set_stats_interval, print_stats_interval},
    {"stats_signal", word, false, "a signal's name or number", "0",
     "Report when this signal comes, within a second. 0 is none.", set_stats_signal,
     print_stats_signal},
    {"watch", word, false,
     "a path, in which %p is the process, %e the program and %% a percent sign", "none",
     "Show the counters in this file, a page that other processes can map.", set_watch,
     print_watch},
    {"verbose", on_off, false, kSwitch, "0",
     "Say on standard error what is in effect, and once if a request cannot be served.",
     set_verbose, print_verbose},
    {"purge_delay", number, true, "milliseconds, 0 or -1", "1000",
     "Give free memory back to the kernel when nobody has used it for so long. 0 is at once, -1 "
     "never.",
     set_purge_delay, print_purge_delay},
    {"dirty_ratio", number, true, "percent, up to 10000", "25",
     "Give free memory back early while it is more than this share of what is live, and than 16 "
     "MiB.",
     set_dirty_ratio, print_dirty_ratio},
    {"background_thread", on_off, true, kSwitch, "1",
     "Let a thread of the library give memory back while the program sleeps. Statistics that are "
     "wanted while the program runs have such a thread in any case.",
     set_background_thread, print_background_thread},
    {"heap_limit", number, true,
     "bytes, perhaps with K, M, G or T, a percentage up to 100% or none", "none",
     "Let allocations fail rather than map more than this. A percentage is of the memory there is, "
     "or that the control group may have.",
     set_heap_limit, print_heap_limit},
    {"thp", word, true, "adaptive, always or never", "adaptive",
     "Ask for huge pages where a heap is large and grows, wherever they fit, or nowhere.", set_thp,
     print_thp},
    {"foreign", word, true, "abort, ignore or libc", "abort",
     "What to do with a pointer that is not ours: stop, do nothing, or hand it to libc.",
     set_foreign, print_foreign},
    {"confirm_conf", on_off, false, kSwitch, "0",
     "Print every option's value on standard error, and where it came from.", set_confirm_conf,
     print_confirm_conf},
    {"abort_conf", on_off, false, kSwitch, "0",
     "Abort at the start if an option or a value is unknown.", set_abort_conf, print_abort_conf},
};

const char* thp_name(Thp mode) { return word_of(kThp, mode); }

bool read_format(Piece name, StatsFormat& format) { return read_word(name, kFormats, format); }

const Option* find_option(Piece name) {
  for (const Option& option : option_table) {
    if (equal(piece_of(option.name), name)) {
      return &option;
    }
  }
  return nullptr;
}

void print_variable_name(const char* name, TextWriter& out) {
  out.text("TALC_");
  for (const char* at = name; *at != '\0'; ++at) {
    out.character(*at >= 'a' && *at <= 'z' ? static_cast<char>(*at - 'a' + 'A') : *at);
  }
}

bool set_option(Options& options, const Option& option, Piece value, Origin origin) {
  if (!option.set(options, value)) {
    return false;
  }
  options.origins[&option - option_table] = origin;
  return true;
}

void print_options(const Options& options, TextWriter& out) {
  const char* const origins[] = {"preset", "talc_conf", "TALC_CONF", "environment", "call"};
  for (size_t i = 0; i < kOptionCount; ++i) {
    print_variable_name(option_table[i].name, out.text("talc: "));
    option_table[i].print(options, out.character('='));
    out.text(" (").text(origins[static_cast<unsigned>(options.origins[i])]).text(")\n");
  }
}

void print_given_options(const Options& options, TextWriter& out) {
  for (size_t i = 0; i < kOptionCount; ++i) {
    if (options.origins[i] != Origin::preset) {
      out.character(' ').text(option_table[i].name).character('=');
      option_table[i].print(options, out);
    }
  }
}

}  // namespace talc
