// Reading the options: from the program's own string, from TALC_CONF, from a variable each. See
// options.hpp.
#include "interpose/options.hpp"

namespace talc {
namespace {

constexpr char kPrefix[] = "TALC_";
constexpr size_t kPrefixSize = sizeof kPrefix - 1;
constexpr char kConf[] = "TALC_CONF";

// "NAME=value". Without a '=' the value is null.
struct Variable {
  Piece name;
  Piece value;
};

Variable split(const char* string) {
  size_t size = 0;
  while (string[size] != '=' && string[size] != '\0') {
    ++size;
  }
  const bool has_value = string[size] == '=';
  const char* const value = string + size + 1;
  return {{string, size}, {has_value ? value : nullptr, has_value ? __builtin_strlen(value) : 0}};
}

bool equal(Piece a, Piece b) {
  return a.size == b.size && __builtin_memcmp(a.text, b.text, a.size) == 0;
}

bool is_ours(const char* string) { return __builtin_strncmp(string, kPrefix, kPrefixSize) == 0; }

// A line about a problem; what does not fit is cut off.
class Warning {
 public:
  Warning(Options& options, OptionWarning warn) : options_(options), warn_(warn) {
    out_.text("talc: ");
  }
  ~Warning() {
    line_[out_.size()] = '\n';
    warn_(line_, out_.size() + 1);
    options_.problems += 1;
  }
  Warning(const Warning&) = delete;
  Warning& operator=(const Warning&) = delete;

  Warning& text(const char* text) {
    out_.text(text);
    return *this;
  }
  Warning& quoted(Piece piece) {
    out_.character('\'').text(piece.text, piece.size).character('\'');
    return *this;
  }
  TextWriter& out() { return out_; }

 private:
  char line_[480];
  TextWriter out_{line_, sizeof line_ - 1};
  Options& options_;
  OptionWarning warn_;
};

// "name:value,name:value" of `source`, from left to right: the last of one name counts.
void obey_conf(const char* string, const char* source, Origin origin, Options& options,
               OptionWarning warn) {
  const char* at = string;
  while (*at != '\0') {
    const char* end = at;
    while (*end != ',' && *end != '\0') {
      ++end;
    }
    const char* colon = at;
    while (colon != end && *colon != ':') {
      ++colon;
    }
    const Piece pair = {at, static_cast<size_t>(end - at)};
    const Option* const option = find_option({at, static_cast<size_t>(colon - at)});
    if (pair.size == 0) {
      // a comma too many
    } else if (option == nullptr) {
      Warning(options, warn).text("unknown option ").quoted(pair).text(" in ").text(source);
    } else {
      const char* const value_at = colon == end ? end : colon + 1;
      const Piece value = {value_at, static_cast<size_t>(end - value_at)};
      if (!set_option(options, *option, value, origin)) {
        Warning(options, warn)
            .text(option->name)
            .text(" in ")
            .text(source)
            .text(" must be ")
            .text(option->values)
            .text(", not ")
            .quoted(value);
      }
    }
    at = *end == '\0' ? end : end + 1;
  }
}

// The option whose variable has that name.
const Option* option_of(Piece name) {
  for (const Option& option : option_table) {
    char variable[64];
    TextWriter out(variable);
    print_variable_name(option, out);
    if (equal(name, {out.data(), out.size()})) {
      return &option;
    }
  }
  return nullptr;
}

void obey(const Variable& variable, Options& options, OptionWarning warn) {
  const Option* const option = option_of(variable.name);
  if (option == nullptr) {
    Warning warning(options, warn);
    warning.out().text("unknown option ").text(variable.name.text, variable.name.size);
  } else if (!set_option(options, *option, variable.value, Origin::variable)) {
    Warning warning(options, warn);
    print_variable_name(*option, warning.out());
    warning.text(" must be ").text(option->values).text(", not ").quoted(variable.value);
  }
}

// f(variable) for each of ours that has a value, and for the first one only of each name: getenv
// would not see the others.
template <class F>
void for_each_variable(const char* const* environment, F f) {
  for (size_t i = 0; environment != nullptr && environment[i] != nullptr; ++i) {
    if (!is_ours(environment[i])) {
      continue;
    }
    const Variable variable = split(environment[i]);
    if (variable.value.size == 0) {
      continue;
    }
    bool is_first = true;
    for (size_t k = 0; k < i; ++k) {
      is_first &= !equal(split(environment[k]).name, variable.name);
    }
    if (is_first) {
      f(variable);
    }
  }
}

// What is asked for by what was given beside it.
void complete(Options& options) {
  if (options.stats == StatsFormat::kUnset) {
    options.stats = options.stats_interval_ms != 0  ? StatsFormat::kJson
                    : options.stats_file == nullptr ? StatsFormat::kNone
                                                    : StatsFormat::kText;
  }
}

}  // namespace

void parse_options(const char* const* environment, const char* compiled_in, Options& options,
                   OptionWarning warn) {
  if (compiled_in != nullptr) {
    obey_conf(compiled_in, "talc_conf", Origin::compiled_in, options, warn);
  }
  const Piece conf = {kConf, sizeof kConf - 1};
  for_each_variable(environment, [&](const Variable& variable) {
    if (equal(variable.name, conf)) {
      obey_conf(variable.value.text, kConf, Origin::conf, options, warn);
    }
  });
  for_each_variable(environment, [&](const Variable& variable) {
    if (!equal(variable.name, conf)) {
      obey(variable, options, warn);
    }
  });
  complete(options);
}

}  // namespace talc
