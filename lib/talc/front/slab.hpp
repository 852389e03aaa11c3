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
#include "talc/os/purge_pass.hpp"

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
        fresh_(is_fresh ? 0 : slots_),
        end_(slots_ * slot_bytes_) {
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
  size_t slot_bytes() const { return slot_bytes_; }
  unsigned arena() const { return arena_; }
  unsigned size_class() const { return size_class_; }
  unsigned slots() const { return slots_; }
  bool is_full() const { return used_ == slots_; }
  bool is_empty() const { return used_ == 0; }

  // Takes the lowest free slots, at most `count`, and stores them below `end`, each below the one
  // that is lower in memory. Returns how many, and the bytes of those that were never taken before
  // and that nobody has touched. Of a slab without fresh slots they are prefetched: whoever takes many is
  // about to write to them, though in an order in which the processor sees none, that of all classes. Here
  // it can wait for many at once. Cost: one scan of a bit a slot.
  struct Taken {
    unsigned count = 0;
    Span fresh;
  };
  // Not inlined, for its inner loop needs all the registers.
  [[gnu::noinline]] Taken take(unsigned count, void** end) {
    const unsigned available = slots_ - used_;
    const unsigned taken = count < available ? count : available;
    const size_t slot_bytes = slot_bytes_;
    const bool has_fresh = fresh_ != slots_;
    for (unsigned left = taken; left != 0;) {
      size_t bits = free_[first_];
      if (bits == 0) {
        ++first_;
        continue;
      }
      char* const word_base = base_ + size_t{first_} * kWordBits * slot_bytes;
      if (bits == ~size_t{0} && left >= kWordBits) {
        end = take_word(word_base, end, !has_fresh);
        free_[first_] = 0;
        left -= kWordBits;
        continue;
      }
      for (; bits != 0 && left != 0; --left) {
        *--end = word_base + size_t{count_trailing_zeros(bits)} * slot_bytes;
        if (!has_fresh) {
          __builtin_prefetch(*end, 1);
        }
        bits &= bits - 1;
      }
      free_[first_] = bits;
    }
    used_ = static_cast<uint16_t>(used_ + taken);
    if (taken == 0) {
      return {};
    }
    touch_pages(static_cast<char*>(*end), static_cast<char*>(end[taken - 1]));
    return {taken, use_up_to(static_cast<char*>(*end))};
  }

  enum class Put { ok, no_slot, free_already };

  // Makes the slots at `blocks` free, up to the first one that does not begin in this slab, or is
  // free already: for that one nothing changes. Returns where it stopped and why. Any pointers may
  // come. Cost: some 24 instructions a block, 14 of neighbours in a batch, and one cache line for 512 slots.
  struct Stop {
    void** at;
    Put why;
  };
  [[gnu::noinline]] Stop put(void** blocks, void** end) {
    unsigned lowest = first_ * kWordBits;
    Stop stop{blocks, Put::ok};
    if (end - blocks >= kMinRun && are_neighbours(distance_of(blocks))) {
      const Run run = put_runs(blocks, end, lowest);
      stop.at = run.end;
      lowest = run.lowest;
    }
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
      lowest = slot < lowest ? slot : lowest;
    }
    first_ = static_cast<uint16_t>(lowest / kWordBits);
    used_ = static_cast<uint16_t>(used_ - (stop.at - blocks));
    return stop;
  }

  // ---- purging: a bit for each 4 KiB of the region, the lowest for its first ----

  static constexpr unsigned kUnitLog2 = 12;

  // The pages that only free slots lie in. Cost: some instructions for each page, and each 64 slots.
  uint64_t free_pages(size_t page_bytes) const {
    uint64_t pages = 0;
    for (size_t at = 0; at + page_bytes <= end_; at += page_bytes) {
      const auto first = static_cast<unsigned>(at) / slot_bytes_;
      const auto last = static_cast<unsigned>(at + page_bytes - 1) / slot_bytes_;
      if (are_free(first, last)) {
        pages |= bits_from(at >> kUnitLog2) & ~bits_from((at + page_bytes) >> kUnitLog2);
      }
    }
    return pages;
  }
  // Of these pages the ones that the pass is to purge: none twice, and of those that are idle, the ones
  // that no slot was taken of since the pass before.
  uint64_t due_pages(uint64_t free, const PurgePass& pass) {
    if (pass.takes == PurgePass::Takes::idle) {
      const auto number = static_cast<uint8_t>(1 + pass.number % 255);
      const uint64_t idle = last_pass_ == number ? 0 : idle_pages_;
      last_pass_ = number;
      idle_pages_ = free;
      return free & idle & ~purged_pages_;
    }
    return pass.takes == PurgePass::Takes::all ? free & ~purged_pages_ : 0;
  }
  void set_purged(uint64_t pages) { purged_pages_ |= pages; }
  uint64_t dirty_pages(uint64_t free) const { return free & ~purged_pages_; }

  // Bytes of pages, of `page_bytes`, that only free slots lie in and that have no memory: they were
  // given back, or nobody has touched them yet.
  size_t purged_bytes(size_t page_bytes) const {
    const uint64_t untouched =
        bits_from(align_up(size_t{fresh_} * slot_bytes_, page_bytes) >> kUnitLog2);
    const uint64_t pages = free_pages(page_bytes) & (purged_pages_ | untouched);
    return static_cast<size_t>(__builtin_popcountll(pages)) << kUnitLog2;
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

  // Takes all slots of a word.
  void** take_word(char* slot, void** end, bool prefetches) const {
    for (void** const last = end - kWordBits; end != last; slot += slot_bytes_) {
      *--end = slot;
      if (prefetches) {
        __builtin_prefetch(slot, 1);
      }
    }
    return end;
  }

  // Makes slots free of which each is the neighbour of the one before, as in a batch that is freed in the
  // order in which it was allocated, or in reverse: those of a word at once. Returns where there are no more
  // such, or some are free already, and the lowest slot so far.
  struct Run {
    void** end;
    unsigned lowest;
  };
  [[gnu::noinline]] Run put_runs(void** blocks, void** end, unsigned lowest) {
    while (end - blocks > 1) {
      const size_t distance = distance_of(blocks);
      const unsigned slot = slot_at(*blocks);
      if (slot == kNoSlot || !are_neighbours(distance)) {
        break;
      }
      const bool rises = distance == slot_bytes_;
      const unsigned at = slot % kWordBits;
      const unsigned in_word = rises ? smaller(kWordBits - at, slots_ - slot) : at + 1;
      void** const most = end - blocks < static_cast<ptrdiff_t>(in_word) ? end : blocks + in_word;
      void** last = blocks + 1;
      while (last != most && distance_of(last - 1) == distance) {
        ++last;
      }
      const auto count = static_cast<unsigned>(last - blocks);
      const unsigned first = rises ? slot : slot + 1 - count;
      const size_t bits = (~size_t{0} >> (kWordBits - count)) << first % kWordBits;
      size_t& word = free_[first / kWordBits];
      if ((word & bits) != 0) [[unlikely]] {
        break;
      }
      word |= bits;
      lowest = smaller(lowest, first);
      blocks = last;
    }
    return {blocks, lowest};
  }
  static constexpr ptrdiff_t kMinRun = 4;
  // From one block to the next one of an array: any pointers may come.
  static size_t distance_of(void** blocks) { return address_of(blocks[1]) - address_of(blocks[0]); }
  bool are_neighbours(size_t distance) const {
    return distance == slot_bytes_ || distance == size_t{0} - slot_bytes_;
  }

  static constexpr uint64_t bits_from(size_t first) {
    return first < 64 ? ~uint64_t{0} << first : 0;
  }

  // Slots between these two were taken.
  void touch_pages(const char* highest, const char* lowest) {
    const auto from = static_cast<size_t>(lowest - base_) >> kUnitLog2;
    const auto to = static_cast<size_t>(highest + slot_bytes_ - 1 - base_) >> kUnitLog2;
    const uint64_t untouched = ~bits_from(from) | bits_from(to + 1);
    idle_pages_ &= untouched;
    purged_pages_ &= untouched;
  }

  // Whether the slots from `first` to `last` are.
  bool are_free(unsigned first, unsigned last) const {
    const unsigned last_word = last / kWordBits;
    size_t used = ~free_[first / kWordBits] >> first % kWordBits << first % kWordBits;
    for (unsigned word = first / kWordBits; word != last_word;) {
      if (used != 0) {
        return false;
      }
      used = ~free_[++word];
    }
    return used << (kWordBits - 1 - last % kWordBits) == 0;
  }

  // The fresh slots up to the one at `last`, which are fresh no longer.
  Span use_up_to(char* last) {
    const Span fresh(base_ + size_t{fresh_} * slot_bytes_, last + slot_bytes_);
    if (fresh.is_sized()) {
      fresh_ = static_cast<uint16_t>(static_cast<size_t>(fresh.acme - base_) / slot_bytes_);
    }
    return fresh;
  }

  // Which slot begins there.
  unsigned slot_at(const void* block) const {
    const size_t offset = address_of(block) - address_of(base_);
    const uint64_t product = uint64_t{offset} * reciprocal_;
    return offset < end_ && SizeClasses::is_exact(product, reciprocal_)
               ? static_cast<unsigned>(product >> SizeClasses::kReciprocalLog2)
               : kNoSlot;
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
  uint8_t last_pass_ = 0;
  uint32_t end_;               // of the last slot, from the base
  uint64_t idle_pages_ = 0;    // free since the last pass
  uint64_t purged_pages_ = 0;  // without memory
// A member of C's, which both compilers have in C++ too, but -Wpedantic tells every includer of.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
  size_t free_[];
#pragma GCC diagnostic pop
};

}  // namespace talc
