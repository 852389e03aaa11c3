// SizeClasses: the sizes that slabs are cut into.
//
//   class   0  1 …   63 |  64   65 …  95 |   96 … 127 |  128 … 159
//   bytes  16 32 … 1024 | 1056 1088 … 2048 | 2112 … 4096 | 4224 … 8192     all multiples of 16
//   coarse  every class up to 128 bytes, four per power of two up to 512, eight above
//
// A small program uses few sizes of each class, so it does with the coarse ones: at most a fifth of
// a block is lost to rounding, of larger ones a ninth. Where much memory is in one coarse class, the
// fine ones below it are worth their slabs: then at most 15 bytes or a thirty-third are lost. Which
// class serves a size at the moment is the matter of ClassMap.
// Used by everything in front/, and by the process heap, which sends larger requests to the engine.
#pragma once

#include "talc/base/assert.hpp"
#include "talc/base/bits.hpp"
#include "talc/base/memory.hpp"
#include "talc/base/word.hpp"

namespace talc {

namespace size_class_detail {

inline constexpr unsigned kCount = 160;
// Up to here classes are a step apart, from there on there are kFine per power of two.
inline constexpr size_t kStep = 16;
inline constexpr unsigned kStepped = 64;
inline constexpr unsigned kSteppedLog2 = 10;
inline constexpr unsigned kFineLog2 = 5;
inline constexpr unsigned kFine = 1U << kFineLog2;
static_assert(kStepped * kStep == size_t{1} << kSteppedLog2);

inline constexpr unsigned kReciprocalLog2 = 32;

constexpr size_t compute_size(unsigned size_class) {
  if (size_class < kStepped) {
    return (size_class + 1) * kStep;
  }
  const unsigned above = size_class - kStepped;
  const unsigned log2 = kSteppedLog2 + (above >> kFineLog2);
  return (size_t{kFine} + 1 + above % kFine) << (log2 - kFineLog2);
}

// The class of the smallest slot that holds `size`.
constexpr unsigned compute_class(size_t size) {
  if (size <= size_t{1} << kSteppedLog2) {
    return size == 0 ? 0 : static_cast<unsigned>((size - 1) / kStep);
  }
  const unsigned log2 = floor_log2(size - 1);
  const auto part = static_cast<unsigned>((size - 1) >> (log2 - kFineLog2)) % kFine;
  return kStepped + (log2 - kSteppedLog2) * kFine + part;
}

// Up to here every class is a coarse one, and up to there four per power of two.
inline constexpr size_t kMaxAllCoarse = 128;
inline constexpr size_t kMaxByFour = 512;

constexpr unsigned compute_coarse(unsigned size_class) {
  const size_t size = compute_size(size_class);
  if (size <= kMaxAllCoarse) {
    return size_class;
  }
  const unsigned log2 = floor_log2(size - 1);
  return compute_class(align_up(size, size_t{1} << (log2 - (size <= kMaxByFour ? 2 : 3))));
}

struct Table {
  uint16_t bytes[kCount];
  uint32_t reciprocal[kCount];
  uint8_t coarse[kCount];
};

consteval Table make_table() {
  Table table{};
  for (unsigned i = 0; i < kCount; ++i) {
    const size_t bytes = compute_size(i);
    table.bytes[i] = static_cast<uint16_t>(bytes);
    table.coarse[i] = static_cast<uint8_t>(compute_coarse(i));
    table.reciprocal[i] = static_cast<uint32_t>(((uint64_t{1} << kReciprocalLog2) - 1) / bytes + 1);
  }
  return table;
}

inline constexpr Table kTable = make_table();

}  // namespace size_class_detail

class SizeClasses {
 public:
  static constexpr unsigned kCount = size_class_detail::kCount;
  static constexpr size_t kStep = size_class_detail::kStep;
  static constexpr size_t kMaxSize = size_t{8} << 10;
  // The size of a Magazine, of which there is one for each class.
  static constexpr unsigned kScale = 32;

  // The bytes of a slot. Requires: size_class < kCount. Cost: one load.
  static constexpr size_t size_of(unsigned size_class) {
    return size_class_detail::kTable.bytes[size_class];
  }

  // For offsets below 2^18, offset / size_of(size_class) is exactly
  // offset * reciprocal_of(size_class) >> kReciprocalLog2.
  static constexpr unsigned kReciprocalLog2 = size_class_detail::kReciprocalLog2;
  static constexpr uint32_t reciprocal_of(unsigned size_class) {
    return size_class_detail::kTable.reciprocal[size_class];
  }
  // And a multiple of size_of(size_class) exactly if the product's low half is below reciprocal_of(size_class)
  // (Lemire, Kaser and Kurz, "Faster remainder by direct computation", 2019).
  static constexpr bool is_exact(uint64_t product, uint32_t reciprocal) {
    static_assert(kReciprocalLog2 == 32);
    return static_cast<uint32_t>(product) < reciprocal;
  }
  // Whether `offset` is a multiple of size_of(size_class). Requires: offset < 2^18.
  static constexpr bool is_multiple(size_t offset, unsigned size_class) {
    const uint32_t reciprocal = reciprocal_of(size_class);
    return is_exact(uint64_t{offset} * reciprocal, reciprocal);
  }

  // The class of the smallest slot that holds `size`. Requires: size ≤ kMaxSize.
  static constexpr unsigned class_of(size_t size) { return size_class_detail::compute_class(size); }

  // The coarse class at or above this one. Requires: size_class < kCount. Cost: one load.
  static constexpr unsigned coarse_of(unsigned size_class) {
    return size_class_detail::kTable.coarse[size_class];
  }
};

static_assert(SizeClasses::size_of(SizeClasses::kCount - 1) == SizeClasses::kMaxSize);
static_assert(SizeClasses::class_of(SizeClasses::kMaxSize) == SizeClasses::kCount - 1);

}  // namespace talc
