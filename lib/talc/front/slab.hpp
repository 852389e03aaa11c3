// Slab: what an arena knows of one region cut into slots of one size class: which slots are free.
//
//   the region    | slot 0 | slot 1 | …                     | slot n-1 | rest |   64 or 256 KiB
//   this, apart   | links | base | used … | one bit a slot: 1 = free  … |
//
// The metadata stands apart from the blocks: a cold free block is never touched, no write through a
// stray pointer reaches it easily, and a bit that is set already is a double free. Slots are taken
// lowest first, so live blocks gather at the region's low end and its other pages stay untouched.
// A slot that a magazine holds counts as used. SlabBank owns slabs, under its arena's lock.
#pragma once

#include "talc/base/assert.hpp"
#include "talc/base/bits.hpp"
#include "talc/base/span.hpp"
#include "talc/front/page_entry.hpp"

namespace talc {

struct SlabGroup;

class Slab {
 public:
  // Of the partial slabs of a class. SlabBank's.
  Slab* next = nullptr;
  Slab* previous = nullptr;
  SlabGroup* group = nullptr;

  // The granules that a slab of the class takes: enough that the rest above the last slot is small.
  static constexpr unsigned granules_of(unsigned size_class) {
    const size_t slot_bytes = SizeClasses::size_of(size_class);
    return slot_bytes <= kMaxInOneGranule ? 1 : 4;
  }
  static constexpr unsigned slots_of(unsigned size_class) {
    return static_cast<unsigned>(granules_of(size_class) * kGranuleSize /
                                 SizeClasses::size_of(size_class));
  }
  // The bytes of a Slab of this class, with its bits.
  static constexpr size_t metadata_bytes(unsigned size_class) {
    return sizeof(Slab) + word_count(slots_of(size_class)) * sizeof(size_t);
  }

  // Of the region the last `reserved_bytes` belong to somebody else; if it `is_fresh`, nobody has
  // touched it yet.
  // Requires: `this` has metadata_bytes(size_class); `base` is the base of granules_of(size_class).
  Slab(char* base, unsigned arena, unsigned size_class, size_t reserved_bytes, bool is_fresh)
      : base_(base),
        slot_bytes_(static_cast<uint32_t>(SizeClasses::size_of(size_class))),
        reciprocal_(SizeClasses::reciprocal_of(size_class)),
        arena_(static_cast<uint8_t>(arena)),
        size_class_(static_cast<uint8_t>(size_class)),
        slots_(static_cast<uint16_t>((region().size() - reserved_bytes) / slot_bytes_)),
        fresh_(is_fresh ? 0 : slots_) {
    const unsigned words = word_count(slots_);
    for (unsigned i = 0; i < words; ++i) {
      free_[i] = ~size_t{0};
    }
    free_[words - 1] >>= words * kWordBits - slots_;
  }

  char* base() const { return base_; }
  Span region() const {
    return Span::from_base_size(base_, granules_of(size_class_) * kGranuleSize);
  }
  unsigned arena() const { return arena_; }
  unsigned size_class() const { return size_class_; }
  unsigned slots() const { return slots_; }
  bool is_full() const { return used_ == slots_; }
  bool is_empty() const { return used_ == 0; }

  // Of free slots that nobody has touched.
  size_t untouched_bytes() const {
    return size_t{slots_} * slot_bytes_ - size_t{fresh_} * slot_bytes_;
  }

  // Takes the lowest free slots, at most `count`, and stores them below `end`, each below the one
  // that is lower in memory. Returns how many, and the bytes of those that were never taken before
  // and that nobody has touched. Cost: one scan of a bit a slot.
  struct Taken {
    unsigned count = 0;
    Span fresh;
  };
  // Not inlined, for its inner loop needs all the registers.
  [[gnu::noinline]] Taken take(unsigned count, void** end) {
    const unsigned available = slots_ - used_;
    const unsigned taken = count < available ? count : available;
    const size_t slot_bytes = slot_bytes_;
    for (unsigned left = taken; left != 0;) {
      size_t bits = free_[first_];
      if (bits == 0) {
        ++first_;
        continue;
      }
      char* const word_base = base_ + size_t{first_} * kWordBits * slot_bytes;
      for (; bits != 0 && left != 0; --left) {
        *--end = word_base + size_t{count_trailing_zeros(bits)} * slot_bytes;
        bits &= bits - 1;
      }
      free_[first_] = bits;
    }
    used_ = static_cast<uint16_t>(used_ + taken);
    return {taken, taken == 0 ? Span() : use_up_to(static_cast<char*>(*end))};
  }

  enum class Put { ok, no_slot, free_already };

  // Makes the slots at `blocks` free, up to the first one that does not begin in this slab, or is
  // free already: for that one nothing changes. Returns where it stopped and why. Any pointers may
  // come. Cost: some 20 instructions a block, and one cache line for 512 slots.
  struct Stop {
    void** at;
    Put why;
  };
  Stop put(void** blocks, void** end) {
    Stop stop{blocks, Put::ok};
    unsigned first = first_;
    for (; stop.at != end; ++stop.at) {
      const unsigned slot = slot_at(*stop.at);
      if (slot == kNoSlot) {
        stop.why = Put::no_slot;
        break;
      }
      size_t& word = free_[slot / kWordBits];
      const size_t bit = size_t{1} << slot % kWordBits;
      if ((word & bit) != 0) [[unlikely]] {
        stop.why = Put::free_already;
        break;
      }
      word |= bit;
      first = slot / kWordBits < first ? slot / kWordBits : first;
    }
    first_ = static_cast<uint16_t>(first);
    used_ = static_cast<uint16_t>(used_ - (stop.at - blocks));
    return stop;
  }

  // f(char* slot) for each slot that is not free.
  template <class F>
  void for_each_used(F f) const {
    for (unsigned slot = 0; slot < slots_; ++slot) {
      if ((free_[slot / kWordBits] >> slot % kWordBits & 1) == 0) {
        f(base_ + size_t{slot} * slot_bytes_);
      }
    }
  }

  // Whether a slot of a slab of one granule may begin at `block`: where that lies in its granule tells.
  static bool is_slot_in_granule(const void* block, unsigned size_class) {
    const size_t offset = address_of(block) % kGranuleSize;
    return offset + SizeClasses::size_of(size_class) <= kGranuleSize &&
           SizeClasses::is_multiple(offset, size_class);
  }

  // Whether a slot begins at `block`. Needs no lock.
  bool is_slot(const void* block) const { return slot_at(block) != kNoSlot; }

 private:
  static constexpr size_t kMaxInOneGranule = 4096;

  static constexpr unsigned word_count(unsigned slots) {
    return (slots + kWordBits - 1) / kWordBits;
  }

  // The fresh slots up to the one at `last`, which are fresh no longer.
  Span use_up_to(char* last) {
    const Span fresh(base_ + size_t{fresh_} * slot_bytes_, last + slot_bytes_);
    if (fresh.is_sized()) {
      fresh_ = static_cast<uint16_t>(static_cast<size_t>(fresh.acme - base_) / slot_bytes_);
    }
    return fresh;
  }

  // Which slot begins there. Where the product overflows, what it says is refuted by the last test.
  unsigned slot_at(const void* block) const {
    const uint64_t offset = address_of(block) - address_of(base_);
    const auto slot = static_cast<unsigned>(offset * reciprocal_ >> SizeClasses::kReciprocalLog2);
    return slot < slots_ && uint64_t{slot} * slot_bytes_ == offset ? slot : kNoSlot;
  }
  static constexpr unsigned kNoSlot = ~0U;

  char* base_;
  uint32_t slot_bytes_;
  uint32_t reciprocal_;
  uint8_t arena_;
  uint8_t size_class_;
  uint16_t slots_;
  uint16_t used_ = 0;
  uint16_t first_ = 0;  // the words of free_ below this one are 0
  uint16_t fresh_;      // slots from this one on were never taken
  size_t free_[];
};

}  // namespace talc
