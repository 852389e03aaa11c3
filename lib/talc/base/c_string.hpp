// What is in a string that ends with a NUL: options, paths, what the kernel tells as text.
//
// Not by libc, which bare machines lack; and where there is one it chooses each of these functions for the
// processor when a program starts, which takes longer than all that is ever looked for here.
#pragma once

#include "talc/base/word.hpp"

namespace talc {

// Bytes before the NUL. Cost, here and below: linear in the string.
constexpr size_t length_of(const char* string) {
  const char* end = string;
  for (; *end != '\0'; ++end) {
    if (!__builtin_is_constant_evaluated()) {
      __asm__("");  // else the compiler makes a call of strlen of it
    }
  }
  return static_cast<size_t>(end - string);
}

constexpr bool are_equal(const char* a, const char* b, size_t size) {
  size_t same = 0;
  while (same != size && a[same] == b[same]) {
    ++same;
  }
  return same == size;
}

constexpr bool begins_with(const char* string, const char* prefix) {
  while (*prefix != '\0' && *string == *prefix) {
    ++string;
    ++prefix;
  }
  return *prefix == '\0';
}

constexpr bool are_equal(const char* a, const char* b) {
  const size_t size = length_of(a);
  return size == length_of(b) && are_equal(a, b, size);
}

// The first `wanted`, which may be the NUL; null if there is none.
constexpr const char* find(const char* string, char wanted) {
  while (*string != wanted && *string != '\0') {
    ++string;
  }
  return *string == wanted ? string : nullptr;
}

// The last one.
constexpr const char* find_last(const char* string, char wanted) {
  const char* last = nullptr;
  for (; *string != '\0'; ++string) {
    last = *string == wanted ? string : last;
  }
  return last;
}

// Where `wanted` begins first; null if it does not occur.
constexpr const char* find(const char* string, const char* wanted) {
  while (*string != '\0' && !begins_with(string, wanted)) {
    ++string;
  }
  return begins_with(string, wanted) ? string : nullptr;
}

}  // namespace talc
