// Helpers of the tests of the exported functions, which run twice: under preload, where talc must
// do what they say, and without, where glibc shows that they say what glibc does.
#pragma once

#include <dlfcn.h>
#include <errno.h>
#include <gtest/gtest.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

namespace served {

// Hides where a value comes from, so that the compiler cannot judge a call that is wrong on
// purpose.
template <class T>
T opaque(T value) {
  asm volatile("" : "+r"(value));
  return value;
}

inline const size_t kTooLarge = opaque(static_cast<size_t>(PTRDIFF_MAX) + 1);
// A block might be of so many bytes, but there is no room for it; with 32 bits there may be.
inline const size_t kLargest = sizeof(size_t) == 8 ? kTooLarge - 1 : kTooLarge;
// Where addresses have 48 bits or so, a block might be of so many bytes, but there is no room for it.
inline const size_t kBeyondAddresses = sizeof(size_t) == 8 ? kTooLarge >> 3 : kTooLarge;
inline const size_t kMaxSize = opaque(SIZE_MAX);

// Which library has the malloc that this process uses.
inline bool by_talc() {
  Dl_info info;
  return dladdr(dlsym(RTLD_DEFAULT, "malloc"), &info) != 0 &&
         strstr(info.dli_fname, "libtalc") != nullptr;
}

// A function of libtalc's or glibc's by name; null if there is none.
template <class Function>
Function* find(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_DEFAULT, name));
}

inline bool is_aligned(const void* block, size_t align) {
  return reinterpret_cast<uintptr_t>(block) % align == 0;
}

inline void fill(void* block, int value, size_t size) { memset(opaque(block), value, size); }

inline bool is_filled(const void* block, int value, size_t size) {
  const auto* const bytes = static_cast<const unsigned char*>(opaque(block));
  for (size_t i = 0; i < size; ++i) {
    if (bytes[i] != value) {
      return false;
    }
  }
  return true;
}

// The sizes at which allocators change their minds.
inline constexpr size_t kSizes[] = {0,
                                    1,
                                    8,
                                    15,
                                    16,
                                    17,
                                    24,
                                    25,
                                    100,
                                    1000,
                                    1024,
                                    4095,
                                    4096,
                                    4097,
                                    32768,
                                    32769,
                                    65536,
                                    100000,
                                    1 << 20,
                                    (1 << 20) + 1,
                                    3 << 20,
                                    4 << 20,
                                    (5 << 20) + 123};

}  // namespace served

// Glibc has no such function, or documents something else: nothing to compare with.
#define ONLY_UNDER_TALC()                 \
  if (!served::by_talc()) {               \
    GTEST_SKIP() << "glibc differs here"; \
  }                                       \
  static_assert(true)
