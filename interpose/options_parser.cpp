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
  return {{string, size}, has_value ? piece_of(value) : Piece{nullptr, 0}};
}

bool is_ours(const char* string) { return begins_with(string, kPrefix); }

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

// What a name that is in no table may have been meant for: what begins alike, and is two letters away
// from it at most.
class Guess {
 public:
  explicit Guess(Piece given) : given_(given) {
    for (const Option& option : option_table) {
      offer(option.name);
    }
  }
  void offer(const char* name) {
    const size_t size = length_of(name);
    const char first[] = {*name, '\0'};
    if (given_.size == 0 || !values::is({given_.text, 1}, first) ||
        given_.size > size + kMostSlips || size > given_.size + kMostSlips) {
      return;
    }
    const size_t slips = values::distance(given_, name);
    name_ = slips < fewest_ ? name : slips == fewest_ ? nullptr : name_;
    fewest_ = slips < fewest_ ? slips : fewest_;
  }
  // Null: there is none, or several are as near.
  const char* name() const { return name_; }

 private:
  static constexpr size_t kMostSlips = 2;

  Piece given_;
  size_t fewest_ = kMostSlips + 1;
  const char* name_ = nullptr;
};

// The part of `piece` before any of these characters.
Piece before(Piece piece, const char* ends) {
  size_t size = 0;
  while (size != piece.size && find(ends, piece.text[size]) == nullptr) {
    ++size;
  }
  return {piece.text, size};
}

// What follows its first `size_bytes` bytes and the one behind them.
Piece behind(Piece piece, size_t size_bytes) {
  const size_t skipped = size_bytes < piece.size ? size_bytes + 1 : piece.size;
  return {piece.text + skipped, piece.size - skipped};
}

// A '=' instead of a ':' is a slip, too.
void tell_unknown(Piece pair, const char* source, Options& options, OptionWarning warn) {
  Warning warning(options, warn);
  warning.text("unknown option ").quoted(pair).text(" in ").text(source);
  const Piece name = before(pair, ":=");
  const char* const meant = Guess(name).name();
  if (meant != nullptr) {
    const Piece value = behind(pair, name.size);
    warning.text("; did you mean '").text(meant).text(name.size == pair.size ? "" : ":");
    warning.out().text(value.text, value.size).text("'?");
  }
}

// "name:value" of `source`.
void obey_pair(Piece pair, const char* source, Origin origin, Options& options,
               OptionWarning warn) {
  const Piece name = before(pair, ":");
  const Option* const option = find_option(name);
  if (option == nullptr) {
    tell_unknown(pair, source, options, warn);
    return;
  }
  const Piece value = behind(pair, name.size);
  if (!set_option(options, *option, value, origin)) {
    Warning warning(options, warn);
    warning.text(option->name).text(" in ").text(source).text(" must be ").text(option->values);
    warning.text(", not ").quoted(value);
  }
}

// "name:value,name:value" of `source`, from left to right: the last of one name counts.
void obey_conf(const char* string, const char* source, Origin origin, Options& options,
               OptionWarning warn) {
  Piece rest = piece_of(string);
  while (rest.size != 0) {
    const Piece pair = before(rest, ",");
    if (pair.size != 0) {  // else there is a comma too many
      obey_pair(pair, source, origin, options, warn);
    }
    rest = behind(rest, pair.size);
  }
}

// The option whose variable has that name.
const Option* option_of(Piece name) {
  for (const Option& option : option_table) {
    char variable[64];
    TextWriter out(variable);
    print_variable_name(option.name, out);
    if (equal(name, {out.data(), out.size()})) {
      return &option;
    }
  }
  return nullptr;
}

void tell_unknown(Piece variable, Options& options, OptionWarning warn) {
  Warning warning(options, warn);
  warning.out().text("unknown option ").text(variable.text, variable.size);
  Guess guess(behind(variable, kPrefixSize - 1));
  guess.offer("conf");
  if (guess.name() != nullptr) {
    print_variable_name(guess.name(), warning.text("; did you mean ").out());
    warning.text("?");
  }
}

void obey(const Variable& variable, Options& options, OptionWarning warn) {
  const Option* const option = option_of(variable.name);
  if (option == nullptr) {
    tell_unknown(variable.name, options, warn);
  } else if (!set_option(options, *option, variable.value, Origin::variable)) {
    Warning warning(options, warn);
    print_variable_name(option->name, warning.out());
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
