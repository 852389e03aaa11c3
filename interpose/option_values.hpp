// What the values of options look like: switches, numbers, sizes, signals, patterns of paths.
//
// Each function reads all of a piece of text, or refuses it and leaves the result as it is: a value that
// is half understood is none. No libc, whose functions know locales and errno. options.cpp has the
// table that uses them.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "talc/base/c_string.hpp"

namespace talc {

// A piece of somebody's string, not NUL-terminated.
struct Piece {
  const char* text;
  size_t size;
};

inline Piece piece_of(const char* string) { return {string, length_of(string)}; }
inline bool equal(Piece a, Piece b) {
  return a.size == b.size && are_equal(a.text, b.text, a.size);
}

namespace values {

// Whether they are the same, capitals aside.
bool is(Piece piece, const char* word);

// How many letters have to be put in, left out or replaced to make one of the other, capitals aside.
// Requires: the word is shorter than kMaxWord. Cost: the product of their lengths.
inline constexpr size_t kMaxWord = 32;
size_t distance(Piece piece, const char* word);

// 1 or 0, yes or no, on or off, true or false.
bool read_switch(Piece piece, bool& result);

// Decimal digits; at most `limit`.
bool read_number(Piece piece, uint64_t limit, uint64_t& result);

// Bytes: a number, perhaps followed by K, M, G or T, which are powers of 1024; above 0.
bool read_bytes(Piece piece, size_t& result);

// A number followed by %; above 0, and at most `limit`.
bool read_percent(Piece piece, uint64_t limit, uint64_t& result);

// Seconds with at most three decimals, as milliseconds; below 2^31.
bool read_seconds(Piece piece, uint64_t& milliseconds);

// The number of a signal, or its name, with or without SIG. Not those that can't be caught, nor those
// that tell of a fault.
bool read_signal(Piece piece, int& number);
// What read_signal reads; null if the signal has a number only.
const char* signal_name(int number);

// Whether only these letters follow percent signs, or another percent sign.
bool is_pattern(Piece piece, const char* letters);

}  // namespace values
}  // namespace talc
