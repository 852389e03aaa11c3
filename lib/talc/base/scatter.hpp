// Scattering: numbers that look random, made of numbers that do not, by one multiplication each.
//
// Neither is a cipher: who sees enough results knows the rest.
#pragma once

#include "talc/base/word.hpp"

namespace talc {

// Neighbouring values differ in their high bits: Fibonacci hashing (Knuth, volume 3, 6.4).
constexpr size_t scatter(size_t value) { return value * static_cast<size_t>(0x9E3779B97F4A7C15U); }

// The next number below `bound`: a linear congruential generator, of which the high bits are used.
// Requires: bound < 2^16, where words have 32 bits.
constexpr size_t draw_below(size_t bound, size_t& state) {
  state =
      state * static_cast<size_t>(0x5851F42D4C957F2DU) + static_cast<size_t>(0x14057B7EF767814FU);
  return (state >> kWordBits / 2) % bound;
}

}  // namespace talc
