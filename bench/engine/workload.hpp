// The operation streams of Talc's own benchmarks: sizes and alignments.
//
// Sizes lean towards the small end: a cap is drawn first, then the size below it. Alignments are 8 in
// 75% of the cases, 16 in 19%, and so on. Used by the programs beside it.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "../common/random.hpp"

namespace bench {

inline size_t random_size(Random& random, size_t max) { return random.in(4, random.in(16, max)); }

inline size_t random_align(Random& random) {
  const unsigned bits = static_cast<unsigned>(random.next() & 0xffff) | 0x10000;
  return size_t{8} << (__builtin_ctz(bits) / 2);
}

struct Block {
  void* ptr;
  uint32_t size;
  uint32_t align;
};

}  // namespace bench
