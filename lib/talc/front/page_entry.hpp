// PageEntry: what the page map knows of one granule of 64 KiB, in 32 bits.
//
//   bit 31 30                        13 12             5 4     0
//   | 0 |  owner, 18 bits: 1 + arena   | size class      | 0     |  part of a slab (kind small)
//   | 0 |  0                           | arena, 8 bits … | kind  |  none, returned, or heap
//   | 1 | u | length, 26 bits                  | page, 4 bits   |  a huge block begins here
//
// A small block's owner and class are one subtraction and one comparison away from its magazine:
// the entry minus the owner's tag is the magazine's offset, below kMagazineOffsets, or the block is
// not the owner's (ThreadCache). A huge block begins at a page, not at a granule, so that mremap
// may move it anywhere; `page` counts pages of the granule below it (at most 16 pages of 4 KiB).
// Its length counts granules or, from 4 TiB on (u set), GiB. Only its first granule has an entry.
// `returned` marks memory that was ours and holds no block now: a pointer there was most likely
// released twice.
#pragma once

#include "talc/base/assert.hpp"
#include "talc/base/word.hpp"
#include "talc/front/size_classes.hpp"

namespace talc {

inline constexpr unsigned kGranuleLog2 = 16;
inline constexpr size_t kGranuleSize = size_t{1} << kGranuleLog2;

class PageEntry {
 public:
  enum class Kind : uint32_t { none = 0, returned = 1, heap = 2, huge = 3, small = 4 };

  // Neighbouring classes of one owner are this far apart.
  static constexpr uint32_t kClassStep = SizeClasses::kScale;
  static constexpr uint32_t kMagazineOffsets = SizeClasses::kCount * kClassStep;
  // A tag that no entry is near to: of a thread that owns nothing.
  static constexpr uint32_t kNoTag = 0x7FFF'0000;

  constexpr PageEntry() = default;
  constexpr explicit PageEntry(uint32_t bits) : bits_(bits) {}

  static constexpr PageEntry returned() { return PageEntry(static_cast<uint32_t>(Kind::returned)); }

  // Requires: arena < kMaxOwners.
  static constexpr PageEntry heap(unsigned arena) {
    return PageEntry(static_cast<uint32_t>(Kind::heap) | (arena << kKindBits));
  }

  // Requires: arena < kMaxOwners; size_class < SizeClasses::kCount.
  static constexpr PageEntry small(unsigned arena, unsigned size_class) {
    return PageEntry(tag_of(arena) + size_class * kClassStep);
  }
  static constexpr unsigned kMaxOwners = 64;

  // The entry of the owner's class 0.
  static constexpr uint32_t tag_of(unsigned arena) { return (arena + 1) << kOwnerShift; }

  // Requires: page < 16; `length_bytes` came from round_huge.
  static constexpr PageEntry huge(unsigned page, size_t length_bytes) {
    const uint32_t in_units = length_bytes < kLongFrom ? 0 : kLongUnits;
    const unsigned unit_log2 = unit_log2_of(in_units);
    TALC_ASSERT(is_aligned(length_bytes, size_t{1} << unit_log2));
    return PageEntry(kHuge | in_units | page |
                     (static_cast<uint32_t>(length_bytes >> unit_log2) << kLengthShift));
  }

  // The next length at or above `size_bytes` that an entry can express; 0 if there is none.
  static constexpr size_t round_huge(size_t size_bytes) {
    const unsigned unit_log2 =
        unit_log2_of(size_bytes <= kLongFrom - kGranuleSize ? 0 : kLongUnits);
    const size_t length = align_up(size_bytes, size_t{1} << unit_log2);
    return length < size_bytes || ((length >> unit_log2) >> kLengthBits) != 0 ? 0 : length;
  }

  constexpr Kind kind() const {
    if ((bits_ & kHuge) != 0) {
      return Kind::huge;
    }
    return bits_ >> kOwnerShift != 0 ? Kind::small : static_cast<Kind>(bits_ & kKindMask);
  }
  // Whether the kind is small, heap, in two instructions each.
  constexpr bool is_small() const { return (bits_ >> kOwnerShift) - 1 < kMaxOwners; }
  constexpr bool is_heap() const {
    return (bits_ & ~((kMaxOwners - 1) << kKindBits)) == static_cast<uint32_t>(Kind::heap);
  }
  // Requires: kind heap.
  constexpr unsigned arena() const { return bits_ >> kKindBits; }
  // Requires: kind small.
  constexpr unsigned owner() const { return (bits_ >> kOwnerShift) - 1; }
  constexpr unsigned size_class() const {
    return bits_ % (uint32_t{1} << kOwnerShift) / kClassStep;
  }
  // Requires: kind huge.
  constexpr unsigned huge_page() const { return bits_ & 0xF; }
  constexpr size_t huge_length() const {
    const size_t units = (bits_ >> kLengthShift) & ((1U << kLengthBits) - 1);
    return units << unit_log2_of(bits_ & kLongUnits);
  }
  constexpr uint32_t bits() const { return bits_; }
  constexpr bool operator==(const PageEntry&) const = default;

 private:
  static constexpr unsigned kKindBits = 3;
  static constexpr uint32_t kKindMask = (1U << kKindBits) - 1;
  static constexpr unsigned kOwnerShift = 13;
  static constexpr uint32_t kHuge = 1U << 31;
  static constexpr uint32_t kLongUnits = 1U << 30;
  static constexpr unsigned kLengthShift = 4;
  static constexpr unsigned kLengthBits = 26;
  static_assert(kMagazineOffsets <= 1U << kOwnerShift);
  static_assert(kMaxOwners << kKindBits <= 1U << kOwnerShift);

  // With words of 32 bits no length is that long.
  static constexpr unsigned kLongUnitLog2 = kWordBits == 64 ? 30 : kGranuleLog2;
  static constexpr size_t kLongFrom =
      kWordBits == 64 ? size_t{1} << (kGranuleLog2 + kLengthBits) % kWordBits : ~size_t{0};

  static constexpr unsigned unit_log2_of(uint32_t in_units) {
    return in_units == 0 ? kGranuleLog2 : kLongUnitLog2;
  }

  uint32_t bits_ = 0;
};

}  // namespace talc
