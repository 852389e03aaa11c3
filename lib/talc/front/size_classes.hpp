// SizeClasses: the sizes that slabs are cut into, and which of them serves a request.
//
//   class   0  1 … 7 |  8   9  10  11 | 12 … 15 | 16  17 …  23 | …  | 56 …       63
//   bytes  16 32 … 128 | 160 192 224 256 | 320 … 512 | 576 640 … 1024 | … | 18432 … 32768
//
// Steps of 16 up to 128, then four per power of two, from 512 on eight: at most a fifth of a block is
// lost to rounding, of larger ones a ninth, and all are multiples of 16. Requests up to 1 KiB look
// their class up, larger ones compute it.
// Used by everything in front/, and by the process heap, which sends larger requests to the engine.
#pragma once

#include "talc/base/assert.hpp"
#include "talc/base/bits.hpp"
#include "talc/base/word.hpp"

namespace talc {

class SizeClasses {
 public:
  static constexpr unsigned kCount = 64;
  static constexpr size_t kStep = 16;
  static constexpr size_t kMaxSize = size_t{32} << 10;
  // Up to here scaled_class_of serves.
  static constexpr size_t kMaxTableSize = 1024;

  // The bytes of a slot. Requires: size_class < kCount.
  static constexpr size_t size_of(unsigned size_class) {
    if (size_class < kCoarse) {
      return (size_class + 1) * kStep;
    }
    const bool is_fine = size_class >= kFine;
    const unsigned per_log2 = is_fine ? 3 : 2;
    const unsigned above = size_class - (is_fine ? kFine : kCoarse);
    const unsigned log2 = (is_fine ? kFineLog2 : kCoarseLog2) + (above >> per_log2);
    return ((size_t{1} << per_log2) + 1 + above % (1U << per_log2)) << (log2 - per_log2);
  }

  // The class of the smallest slot that holds `size`. Requires: size ≤ kMaxSize.
  static constexpr unsigned class_of(size_t size) {
    if (size <= size_t{1} << kCoarseLog2) {
      return size == 0 ? 0 : static_cast<unsigned>((size - 1) / kStep);
    }
    const unsigned log2 = floor_log2(size - 1);
    return log2 < kFineLog2 ? kCoarse + (log2 - kCoarseLog2) * 4 + part(size, log2, 2)
                            : kFine + (log2 - kFineLog2) * 8 + part(size, log2, 3);
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
  // Where there are four classes per power of two, and where eight.
  static constexpr unsigned kCoarse = 8;
  static constexpr unsigned kCoarseLog2 = 7;
  static constexpr unsigned kFine = 16;
  static constexpr unsigned kFineLog2 = 9;

  // Which of the 2^per_log2 parts of its power of two a size lies in.
  static constexpr unsigned part(size_t size, unsigned log2, unsigned per_log2) {
    return static_cast<unsigned>((size - 1) >> (log2 - per_log2)) % (1U << per_log2);
  }

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
