// Parsing of the environment against the table of options. See options.hpp.
#include "interpose/options.hpp"

#include "talc/base/text.hpp"

namespace talc {
namespace {

constexpr char kPrefix[] = "TALC_";

bool equal(const char* a, const char* b) {
  while (*a != '\0' && *a == *b) {
    ++a;
    ++b;
  }
  return *a == *b;
}

// What follows `prefix` in `string`; null if it does not begin so.
const char* after(const char* prefix, const char* string) {
  for (; *prefix != '\0'; ++prefix, ++string) {
    if (*prefix != *string) {
      return nullptr;
    }
  }
  return string;
}

bool set_stats(Options& options, const char* value) {
  if (equal(value, "0")) {
    options.stats = StatsFormat::kNone;
  } else if (equal(value, "1") || equal(value, "text")) {
    options.stats = StatsFormat::kText;
  } else if (equal(value, "json")) {
    options.stats = StatsFormat::kJson;
  } else {
    return false;
  }
  return true;
}

// Only the placeholders that report_output.cpp expands may follow a percent sign.
bool set_stats_file(Options& options, const char* value) {
  const size_t size = __builtin_strlen(value);
  if (size >= Options::kMaxPath) {
    return false;
  }
  for (size_t i = 0; i < size; ++i) {
    if (value[i] == '%') {
      ++i;
      if (value[i] != 'p' && value[i] != 'e' && value[i] != '%') {
        return false;
      }
    }
  }
  copy_bytes(options.stats_file, value, size + 1);
  return true;
}

}  // namespace

const Option option_table[kOptionCount] = {
    {"TALC_STATS", "0, 1, text or json", "0, or text where TALC_STATS_FILE is given",
     "Print the counters when the process ends: 1 is text, 0 is none.", set_stats},
    {"TALC_STATS_FILE", "a path, in which %p is the process, %e the program and %% a percent sign",
     "standard error", "Append the counters to this file, which is created if need be.",
     set_stats_file},
};

namespace {

// "NAME=value", and where the value begins. No value: the string has no '='.
struct Variable {
  const char* name;
  size_t name_size;
  const char* value;
};

Variable split(const char* string) {
  size_t size = 0;
  while (string[size] != '=' && string[size] != '\0') {
    ++size;
  }
  return {string, size, string[size] == '=' ? string + size + 1 : nullptr};
}

bool is_named(const Variable& variable, const char* name) {
  const char* const rest = after(name, variable.name);
  return rest == variable.name + variable.name_size;
}

// A variable of which an earlier one has the name; getenv would not see it.
bool is_repeated(const char* const* environment, size_t index, const Variable& variable) {
  for (size_t i = 0; i < index; ++i) {
    const Variable earlier = split(environment[i]);
    if (earlier.name_size == variable.name_size &&
        __builtin_memcmp(earlier.name, variable.name, variable.name_size) == 0) {
      return true;
    }
  }
  return false;
}

void warn_unknown(const Variable& variable, OptionWarning warn) {
  char line[160];
  TextWriter out(line, sizeof line - 1);
  out.text("talc: unknown option ").text(variable.name, variable.name_size);
  line[out.size()] = '\n';
  warn(line, out.size() + 1);
}

void warn_value(const Option& option, const char* value, OptionWarning warn) {
  char line[320];
  TextWriter out(line, sizeof line - 1);
  out.text("talc: ").text(option.name).text(" must be ").text(option.values);
  out.text(", not '").text(value).text("'");
  line[out.size()] = '\n';
  warn(line, out.size() + 1);
}

void obey(const Variable& variable, Options& options, OptionWarning warn) {
  for (const Option& option : option_table) {
    if (is_named(variable, option.name)) {
      if (!option.set(options, variable.value)) {
        warn_value(option, variable.value, warn);
      }
      return;
    }
  }
  warn_unknown(variable, warn);
}

}  // namespace

void parse_options(const char* const* environment, Options& options, OptionWarning warn) {
  for (size_t i = 0; environment != nullptr && environment[i] != nullptr; ++i) {
    if (after(kPrefix, environment[i]) == nullptr) {
      continue;
    }
    const Variable variable = split(environment[i]);
    const bool is_given = variable.value != nullptr && *variable.value != '\0';
    if (is_given && !is_repeated(environment, i, variable)) {
      obey(variable, options, warn);
    }
  }
  if (options.stats == StatsFormat::kUnset) {
    options.stats = options.stats_file[0] != '\0' ? StatsFormat::kText : StatsFormat::kNone;
  }
}

}  // namespace talc
