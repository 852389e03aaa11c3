// The operation streams of Talc's own benchmarks: sizes, alignments and a generator with a fixed seed.
//
// Sizes lean towards the small end: a cap is drawn first, then the size below it. Alignments are 8 in
// 75% of the cases, 16 in 19%, and so on. Used by the programs beside it.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace bench {

// wyrand (Wang Yi, public domain): 64 bits from one multiplication, so that the stream costs little
// beside the allocator.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t next() {
    state_ += 0xa0761d6478bd642fULL;
    const auto product = static_cast<unsigned __int128>(state_) * (state_ ^ 0xe7037ed1a0b428dbULL);
    return static_cast<uint64_t>(product >> 64) ^ static_cast<uint64_t>(product);
  }

  // Uniform in [low, high).
  size_t in(size_t low, size_t high) {
    const auto scaled = static_cast<unsigned __int128>(next()) * (high - low);
    return low + static_cast<size_t>(scaled >> 64);
  }

 private:
  uint64_t state_;
};

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
