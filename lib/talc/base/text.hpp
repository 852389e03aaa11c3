// A bounded text writer over a caller's buffer: words, numbers, columns; no allocation, no libc.
//
// An allocator must be able to report on itself while it cannot allocate, so nothing here needs
// more than the buffer it is given. Without a sink, text that does not fit is dropped and
// is_truncated() says so; with a sink, a full buffer is handed on and used again, so any length
// passes. No division, no multiplication, no shift by a variable: on small targets those of 64 bits
// would call a runtime library.
// Used by Span::print, the counters' table and the interposer's reports.
#pragma once

#include "talc/base/c_string.hpp"
#include "talc/base/memory.hpp"
#include "talc/base/word.hpp"

namespace talc {

// Where finished text goes: called with `context` and a piece of text that is not NUL-terminated.
struct TextSink {
  // Null: nowhere.
  void (*write)(void* context, const char* text, size_t size_bytes) = nullptr;
  void* context = nullptr;  // the function's own
};

namespace text_detail {

inline constexpr size_t kMaxDecimalDigits = 20;  // of 2^64 - 1

struct PowersOfTen {
  uint64_t at[kMaxDecimalDigits] = {1};
  consteval PowersOfTen() {
    for (size_t i = 1; i < kMaxDecimalDigits; ++i) {
      at[i] = at[i - 1] * 10;
    }
  }
};
inline constexpr PowersOfTen kPowersOfTen{};

}  // namespace text_detail

// Writes into a buffer, and hands it on when it is full if there is a sink.
class TextWriter {
 public:
  // Requires: `buffer` holds `capacity_bytes` writable bytes and outlives the writer.
  constexpr TextWriter(char* buffer, size_t capacity_bytes, TextSink sink = {})
      : buffer_(buffer), capacity_(capacity_bytes), sink_(sink) {}

  // Over a whole array.
  template <size_t kCapacity>
  constexpr explicit TextWriter(char (&buffer)[kCapacity], TextSink sink = {})
      : TextWriter(buffer, kCapacity, sink) {}

  TextWriter(const TextWriter&) = delete;
  TextWriter& operator=(const TextWriter&) = delete;

  // What is in the buffer: not NUL-terminated.
  constexpr const char* data() const { return buffer_; }
  constexpr size_t size() const { return size_; }             // its bytes
  constexpr bool is_truncated() const { return truncated_; }  // whether something was dropped

  // As all that follow: appends to the buffer, and returns the writer.
  constexpr TextWriter& character(char c) {
    if (size_ == capacity_) {
      flush();
    }
    if (size_ < capacity_) {
      buffer_[size_++] = c;
    } else {
      truncated_ = true;
    }
    return *this;
  }

  // Writes `size_bytes` characters.
  constexpr TextWriter& text(const char* text, size_t size_bytes) {
    for (size_t i = 0; i < size_bytes; ++i) {
      character(text[i]);
    }
    return *this;
  }

  // Writes a whole string. Requires: `string` is NUL-terminated.
  constexpr TextWriter& text(const char* string) { return text(string, length_of(string)); }

  // Writes `c` so many times.
  constexpr TextWriter& repeat(char c, size_t count) {
    for (size_t i = 0; i < count; ++i) {
      character(c);
    }
    return *this;
  }

  // Pads with spaces on the right up to `width` characters; longer text is written whole.
  constexpr TextWriter& text_left(const char* string, size_t width) {
    const size_t size = length_of(string);
    text(string, size);
    return repeat(' ', width > size ? width - size : 0);
  }

  // Pads with spaces on the left up to `width` characters; longer text is written whole.
  constexpr TextWriter& text_right(const char* string, size_t width) {
    const size_t size = length_of(string);
    repeat(' ', width > size ? width - size : 0);
    return text(string, size);
  }

  // Pads with spaces on the left up to `width` characters.
  constexpr TextWriter& decimal(uint64_t value, size_t width = 0) {
    char digits[kMaxDecimalDigits] = {};
    const size_t count = decimal_digits(value, digits);
    repeat(' ', width > count ? width - count : 0);
    return text(digits, count);
  }

  // Writes "0x" and lower-case digits without leading zeros.
  constexpr TextWriter& hex(uint64_t value) {
    char digits[kMaxHexDigits] = {};
    size_t first = kMaxHexDigits;
    do {
      digits[--first] = "0123456789abcdef"[value & 0xF];
      value >>= 4;
    } while (value != 0);
    return text("0x", 2).text(digits + first, kMaxHexDigits - first);
  }

  // Writes an address, as hex does.
  TextWriter& pointer(const void* ptr) { return hex(address_of(ptr)); }

  // Hands the buffer's text to the sink and empties the buffer; without a sink, does nothing.
  constexpr void flush() {
    if (sink_.write != nullptr && size_ != 0) {
      sink_.write(sink_.context, buffer_, size_);
      size_ = 0;
    }
  }

 private:
  static constexpr size_t kMaxDecimalDigits = text_detail::kMaxDecimalDigits;
  static constexpr size_t kMaxHexDigits = 16;

  // Digits by subtracting powers of ten, at most 9 steps each.
  static constexpr size_t decimal_digits(uint64_t value, char (&digits)[kMaxDecimalDigits]) {
    size_t power = kMaxDecimalDigits - 1;
    while (power != 0 && text_detail::kPowersOfTen.at[power] > value) {
      --power;
    }
    const size_t count = power + 1;
    for (size_t i = 0; i < count; ++i, --power) {
      digits[i] = '0';
      for (; value >= text_detail::kPowersOfTen.at[power];
           value -= text_detail::kPowersOfTen.at[power]) {
        ++digits[i];
      }
    }
    return count;
  }

  char* buffer_;
  size_t capacity_;
  size_t size_ = 0;
  TextSink sink_;
  bool truncated_ = false;
};

}  // namespace talc
