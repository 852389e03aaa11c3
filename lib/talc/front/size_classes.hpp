// SizeClasses: the sizes that slabs are cut into, and which of them serves a request.
//
//   class   0  1 … 7 |  8   9  10  11 | 12 … 15 | …  | 36 …            39
//   bytes  16 32 … 128 | 160 192 224 256 | 320 … 512 | … | 20480 24576 28672 32768
//
// Steps of 16 up to 128, then four per power of two: at most a fifth of a block is lost to rounding,
// and all are multiples of 16. Requests up to 1 KiB look their class up, larger ones compute it.
// Used by everything in front/, and by the process heap, which sends larger requests to the engine.
#pragma once

#include "talc/base/assert.hpp"
#include "talc/base/bits.hpp"
#include "talc/base/word.hpp"

namespace talc {

class SizeClasses {
 public:
  static constexpr unsigned kCount = 40;
  static constexpr size_t kStep = 16;
  static constexpr size_t kMaxSize = size_t{32} << 10;
  // Up to here scaled_class_of serves.
  static constexpr size_t kMaxTableSize = 1024;

  // The bytes of a slot. Requires: size_class < kCount.
  static constexpr size_t size_of(unsigned size_class) {
    if (size_class < kLinear) {
      return (size_class + 1) * kStep;
    }
    const unsigned above = size_class - kLinear;
    return (kPerDoubling + 1 + above % kPerDoubling) << (kLinearLog2 - 2 + above / kPerDoubling);
  }

  // The class of the smallest slot that holds `size`. Requires: size ≤ kMaxSize.
  static constexpr unsigned class_of(size_t size) {
    if (size <= kLinear * kStep) {
      return size == 0 ? 0 : static_cast<unsigned>((size - 1) / kStep);
    }
    const unsigned log2 = floor_log2(size - 1);
    const unsigned quarter = static_cast<unsigned>((size - 1) >> (log2 - 2)) % kPerDoubling;
    return kLinear + (log2 - kLinearLog2) * kPerDoubling + quarter;
  }

  // class_of(size) * kScale, by a table. Requires: size ≤ kMaxTableSize. Cost: one load.
  static unsigned scaled_class_of(size_t size) { return table_.scaled[(size + kStep - 1) / kStep]; }
  // The size of a Magazine, of which there is one for each class.
  static constexpr unsigned kScale = 32;

  // The class of the smallest slot that holds `size` and whose multiples are multiples of `align`;
  // kCount if there is none. Requires: size ≤ kMaxSize; `align` is a power of two.
  static constexpr unsigned class_for(size_t size, size_t align) {
    for (unsigned at = class_of(size); at < kCount; ++at) {
      if (size_of(at) % align == 0) {
        return at;
      }
    }
    return kCount;
  }

 private:
  static constexpr unsigned kLinear = 8;
  static constexpr unsigned kLinearLog2 = 7;
  static constexpr unsigned kPerDoubling = 4;

  struct Table {
    uint16_t scaled[kMaxTableSize / kStep + 1];
  };
  static constexpr Table make_table() {
    Table table{};
    for (size_t i = 0; i <= kMaxTableSize / kStep; ++i) {
      table.scaled[i] = static_cast<uint16_t>(class_of(i * kStep) * kScale);
    }
    return table;
  }
  static const Table table_;
};

inline constexpr SizeClasses::Table SizeClasses::table_ = SizeClasses::make_table();

static_assert(SizeClasses::size_of(SizeClasses::kCount - 1) == SizeClasses::kMaxSize);
static_assert(SizeClasses::class_of(SizeClasses::kMaxSize) == SizeClasses::kCount - 1);

}  // namespace talc
