// Machine words, addresses and alignment: the arithmetic that every layer shares.
//
// An address is a `size_t` here, so that one set of functions serves sizes and addresses. Pointers
// are moved by pointer arithmetic, never rebuilt from integers, so they keep their provenance.
// Leaves bit scanning to bits.hpp and memory access to memory.hpp. Everything includes it.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace talc {

inline constexpr size_t kWordSize = sizeof(void*);
inline constexpr unsigned kWordBits = kWordSize * 8;

static_assert(sizeof(size_t) == sizeof(void*) && sizeof(uintptr_t) == sizeof(void*),
              "sizes, addresses and pointers are one word each");
static_assert(kWordSize == 4 || kWordSize == 8, "words of 32 or 64 bits");

template <class T>
constexpr T smaller(T a, T b) {
  return a < b ? a : b;
}

constexpr bool is_power_of_two(size_t value) { return value != 0 && (value & (value - 1)) == 0; }

// Requires: `align` is a power of two.
constexpr bool is_aligned(size_t value, size_t align) { return (value & (align - 1)) == 0; }

// Requires: `align` is a power of two.
constexpr size_t align_down(size_t value, size_t align) { return value & ~(align - 1); }

// Requires: `align` is a power of two. Wraps to 0 when no multiple of it is representable.
constexpr size_t align_up(size_t value, size_t align) {
  return (value + (align - 1)) & ~(align - 1);
}

inline size_t address_of(const void* ptr) { return reinterpret_cast<size_t>(ptr); }

// Requires: `align` is a power of two.
inline bool is_aligned(const void* ptr, size_t align) { return is_aligned(address_of(ptr), align); }

// Requires: `align` is a power of two.
inline char* align_down(char* ptr, size_t align) { return ptr - (address_of(ptr) & (align - 1)); }

// Requires: `align` is a power of two, and a multiple of it exists at or above `ptr`.
inline char* align_up(char* ptr, size_t align) {
  return ptr + (align_up(address_of(ptr), align) - address_of(ptr));
}

}  // namespace talc
