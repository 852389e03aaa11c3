// Input: a fuzzer's bytes, read as choices and sizes. When they are used up every choice is 0.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace fuzz {

class Input {
 public:
  Input(const uint8_t* bytes, size_t size) : at_(bytes), left_(size) {}

  bool is_empty() const { return left_ == 0; }

  size_t byte() {
    if (left_ == 0) {
      return 0;
    }
    left_ -= 1;
    return *at_++;
  }

  // In [0, bound). Requires: 0 < bound ≤ 65536.
  size_t below(size_t bound) { return number(bound <= 256 ? 1 : 2) % bound; }

  // In [0, 2^most_bits): first how many bits, so that a fuzzer changes the magnitude with one byte.
  size_t magnitude(unsigned most_bits) {
    const size_t bits = byte() % (most_bits + 1);
    return number((bits + 7) / 8) & ((size_t{1} << bits) - 1);
  }

 private:
  size_t number(size_t byte_count) {
    size_t value = 0;
    for (size_t i = 0; i < byte_count; ++i) {
      value |= byte() << 8 * i;
    }
    return value;
  }

  const uint8_t* at_;
  size_t left_;
};

}  // namespace fuzz
