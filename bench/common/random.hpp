// The generator of every benchmark: wyrand with a fixed seed, so that each allocator meets the same
// stream, at the price of one multiplication a draw.
//
// Used by engine/ (through workload.hpp), patterns/, latency/ and phases/.
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

  bool percent(size_t chance) { return in(0, 100) < chance; }

 private:
  uint64_t state_;
};

}  // namespace bench
