// Bit scans of one word: the two that bin searches are made of.
//
// Where the processor has an instruction for them the compiler's builtin is it. Elsewhere (RISC-V
// without Zbb, ARMv6-M, anything not listed below) the builtin may become a call of __ctzsi2 or
// __clzsi2, which a program linked without a runtime library does not have, so those targets get
// shifts and comparisons: no call, no multiplication, no table. Called by the engine's bins and by
// size-class arithmetic.
#pragma once

#include "talc/base/word.hpp"

#if defined(__x86_64__) || defined(__i386__) || defined(__aarch64__) || defined(__wasm__) || \
    defined(__ARM_FEATURE_CLZ) || defined(__riscv_zbb) || defined(__powerpc__) ||            \
    defined(__s390x__) || defined(__loongarch__)
#define TALC_HAS_BIT_SCAN 1
#else
#define TALC_HAS_BIT_SCAN 0
#endif

namespace talc {

// The portable forms. Kept callable on every target, so that one test covers them anywhere.
namespace portable {

// Requires: `word` is not 0. Cost: log2(kWordBits) steps.
constexpr unsigned count_trailing_zeros(size_t word) {
  unsigned count = 0;
  for (unsigned half = kWordBits / 2; half != 0; half /= 2) {
    const size_t low_mask = (size_t{1} << half) - 1;
    if ((word & low_mask) == 0) {
      word >>= half;
      count += half;
    }
  }
  return count;
}

// Requires: `word` is not 0. Cost: log2(kWordBits) steps.
constexpr unsigned floor_log2(size_t word) {
  unsigned log = 0;
  for (unsigned half = kWordBits / 2; half != 0; half /= 2) {
    if (word >> half != 0) {
      word >>= half;
      log += half;
    }
  }
  return log;
}

}  // namespace portable

// The index of the lowest set bit. Requires: `word` is not 0.
constexpr unsigned count_trailing_zeros(size_t word) {
  if constexpr (!TALC_HAS_BIT_SCAN) {
    return portable::count_trailing_zeros(word);
  } else if constexpr (sizeof(size_t) == sizeof(unsigned)) {
    return static_cast<unsigned>(__builtin_ctz(static_cast<unsigned>(word)));
  } else {
    return static_cast<unsigned>(__builtin_ctzll(word));
  }
}

// The index of the highest set bit: the largest n with 2^n <= word. Requires: `word` is not 0.
constexpr unsigned floor_log2(size_t word) {
  if constexpr (!TALC_HAS_BIT_SCAN) {
    return portable::floor_log2(word);
  } else if constexpr (sizeof(size_t) == sizeof(unsigned)) {
    return 31U ^ static_cast<unsigned>(__builtin_clz(static_cast<unsigned>(word)));
  } else {
    return 63U ^ static_cast<unsigned>(__builtin_clzll(word));
  }
}

}  // namespace talc
