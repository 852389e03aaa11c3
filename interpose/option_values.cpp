// Reading the values of options. See option_values.hpp.
#include "interpose/option_values.hpp"

#include <signal.h>

namespace talc::values {
namespace {

constexpr struct {
  char name[8];
  int number;
} kSignals[] = {
    {"HUP", SIGHUP},   {"INT", SIGINT},   {"QUIT", SIGQUIT},   {"USR1", SIGUSR1},
    {"USR2", SIGUSR2}, {"PIPE", SIGPIPE}, {"ALRM", SIGALRM},   {"TERM", SIGTERM},
    {"CHLD", SIGCHLD}, {"CONT", SIGCONT}, {"URG", SIGURG},     {"VTALRM", SIGVTALRM},
    {"PROF", SIGPROF}, {"IO", SIGIO},     {"WINCH", SIGWINCH}, {"PWR", SIGPWR},
};

// Nobody can catch the first two; the others are answers to what the program just did.
constexpr int kNotToBeUsed[] = {SIGKILL, SIGSTOP, SIGSEGV, SIGBUS,
                                SIGFPE,  SIGILL,  SIGABRT, SIGTRAP};

char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool is_digit(char c) { return c >= '0' && c <= '9'; }

Piece without_last(Piece piece) { return {piece.text, piece.size - 1}; }

}  // namespace

bool is(Piece piece, const char* word) {
  size_t i = 0;
  while (i < piece.size && word[i] != '\0' && to_lower(piece.text[i]) == to_lower(word[i])) {
    ++i;
  }
  return i == piece.size && word[i] == '\0';
}

// By rows of the usual table: row[j] is the distance of what of the piece was looked at from the word's
// first j letters.
size_t distance(Piece piece, const char* word) {
  const size_t word_size = length_of(word);
  size_t row[kMaxWord];
  for (size_t j = 0; j <= word_size; ++j) {
    row[j] = j;
  }
  for (size_t i = 0; i < piece.size; ++i) {
    size_t above_left = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < word_size; ++j) {
      const bool is_same = to_lower(piece.text[i]) == to_lower(word[j]);
      const size_t replaced = above_left + (is_same ? 0 : 1);
      above_left = row[j + 1];
      const size_t less = above_left < row[j] ? above_left : row[j];
      row[j + 1] = less + 1 < replaced ? less + 1 : replaced;
    }
  }
  return row[word_size];
}

bool read_switch(Piece piece, bool& result) {
  constexpr struct {
    const char* word;
    bool meaning;
  } kWords[] = {{"1", true},  {"yes", true}, {"on", true},   {"true", true},
                {"0", false}, {"no", false}, {"off", false}, {"false", false}};
  for (const auto& word : kWords) {
    if (is(piece, word.word)) {
      result = word.meaning;
      return true;
    }
  }
  return false;
}

bool read_number(Piece piece, uint64_t limit, uint64_t& result) {
  uint64_t number = 0;
  for (size_t i = 0; i < piece.size; ++i) {
    const auto digit = static_cast<uint64_t>(piece.text[i] - '0');
    if (!is_digit(piece.text[i]) || __builtin_mul_overflow(number, 10, &number) ||
        __builtin_add_overflow(number, digit, &number)) {
      return false;
    }
  }
  if (piece.size == 0 || number > limit) {
    return false;
  }
  result = number;
  return true;
}

bool read_bytes(Piece piece, size_t& result) {
  const char units[] = "kmgt";
  uint64_t unit = 1;
  if (piece.size != 0 && !is_digit(piece.text[piece.size - 1])) {
    const char last = to_lower(piece.text[piece.size - 1]);
    const char* at = units;
    for (unit <<= 10; *at != last && *at != '\0'; ++at) {
      unit <<= 10;
    }
    if (*at == '\0') {
      return false;
    }
    piece = without_last(piece);
  }
  uint64_t number = 0;
  if (!read_number(piece, ~size_t{0} / unit, number) || number == 0) {
    return false;
  }
  result = static_cast<size_t>(number * unit);
  return true;
}

bool read_percent(Piece piece, uint64_t limit, uint64_t& result) {
  uint64_t number = 0;
  if (piece.size == 0 || piece.text[piece.size - 1] != '%' ||
      !read_number(without_last(piece), limit, number) || number == 0) {
    return false;
  }
  result = number;
  return true;
}

bool read_seconds(Piece piece, uint64_t& milliseconds) {
  constexpr uint64_t kLimit = (uint64_t{1} << 31) / 1000;
  size_t point = 0;
  while (point < piece.size && piece.text[point] != '.') {
    ++point;
  }
  uint64_t seconds = 0;
  if (!read_number({piece.text, point}, kLimit, seconds)) {
    return false;
  }
  uint64_t thousandths = 0;
  if (point < piece.size) {
    const Piece decimals = {piece.text + point + 1, piece.size - point - 1};
    if (decimals.size > 3 || !read_number(decimals, 999, thousandths)) {
      return false;
    }
    for (size_t i = decimals.size; i < 3; ++i) {
      thousandths *= 10;
    }
  }
  milliseconds = seconds * 1000 + thousandths;
  return true;
}

bool read_signal(Piece piece, int& number) {
  uint64_t found = 0;
  const bool has_sig = piece.size > 3 && is({piece.text, 3}, "SIG");
  const Piece name = has_sig ? Piece{piece.text + 3, piece.size - 3} : piece;
  for (const auto& signal : kSignals) {
    if (is(name, signal.name)) {
      found = static_cast<uint64_t>(signal.number);
    }
  }
  if (found == 0 && (!read_number(piece, 64, found) || found == 0)) {
    return false;
  }
  for (const int forbidden : kNotToBeUsed) {
    if (static_cast<int>(found) == forbidden) {
      return false;
    }
  }
  number = static_cast<int>(found);
  return true;
}

const char* signal_name(int number) {
  for (const auto& signal : kSignals) {
    if (signal.number == number) {
      return signal.name;
    }
  }
  return nullptr;
}

bool is_pattern(Piece piece, const char* letters) {
  for (size_t i = 0; i < piece.size; ++i) {
    if (piece.text[i] != '%') {
      continue;
    }
    ++i;
    const char* letter = letters;
    while (i < piece.size && *letter != '\0' && *letter != piece.text[i]) {
      ++letter;
    }
    if (i == piece.size || (*letter == '\0' && piece.text[i] != '%')) {
      return false;
    }
  }
  return true;
}

}  // namespace talc::values
