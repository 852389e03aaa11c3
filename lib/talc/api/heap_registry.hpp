// HeapRegistry: tells the page map which arena a heap belongs to, FreshMemory that it is new, and asks
// the footprint whether it may be that large.
//
// The Registry that MapOnOom asks for, one an arena. While a heap is registered, `free` finds its
// arena by any pointer into it; afterwards its granules say "returned", so that a second free of a
// block whose heap has gone is known for what it is.
#pragma once

#include "talc/api/block_prefix.hpp"
#include "talc/api/footprint.hpp"
#include "talc/api/fresh_memory.hpp"
#include "talc/api/thp.hpp"
#include "talc/base/scatter.hpp"
#include "talc/core/guard.hpp"
#include "talc/front/page_map.hpp"
#include "talc/os/fault.hpp"
#include "talc/os/purge_pass.hpp"

namespace talc {

template <class Kernel>
class HeapRegistry {
 public:
  // The engine of an arena checks what lies in its heaps.
  struct Guard {
    static constexpr bool kChecks = true;
    template <class T>
    static T* seal(T* pointer, size_t size) {
      const size_t mask = Pages::secret() ^ scatter(size);
      return reinterpret_cast<T*>(address_of(pointer) ^ mask);
    }
    static bool may_point(const void* ptr) {
      return PageMap<Kernel>::get(ptr).kind() == PageEntry::Kind::heap &&
             is_aligned(ptr, kWordSize);
    }
    [[noreturn]] static void on_corrupt_block(const void* payload) {
      raise_fault(Fault::corrupt_block, static_cast<const char*>(payload) + BlockPrefix::kSize);
    }
    [[noreturn]] static void on_corrupt_gap(const void* gap) {
      raise_fault(Fault::corrupt_free_memory, gap);
    }
  };

  constexpr explicit HeapRegistry(unsigned arena) : arena_(arena) {}

  unsigned arena() const { return __atomic_load_n(&arena_, __ATOMIC_RELAXED); }
  // Requires: no heap was added yet. Several threads may say the same at once.
  void set_arena(unsigned arena) { __atomic_store_n(&arena_, arena, __ATOMIC_RELAXED); }

  static bool try_take(size_t bytes) { return Footprint<Kernel>::try_grow(bytes); }
  void give_back(size_t bytes) {
    if (is_settling_) {
      settled_bytes_ += bytes;
    } else {
      Footprint<Kernel>::shrink(bytes);
    }
  }

  // While gaps that did not count are the engine's again, to be trimmed or ceded anew (ceded_gaps.hpp):
  // in the end the footprint is told the difference.
  void begin_settling() {
    is_settling_ = true;
    settled_bytes_ = 0;
  }
  void settle(size_t uncounted_before, size_t uncounted_now) {
    is_settling_ = false;
    Footprint<Kernel>::shrink(settled_bytes_ + uncounted_now - uncounted_before);
  }

  static size_t huge_from(size_t adaptive) { return talc::huge_from(adaptive); }

  static bool reserve(Span heap) {
    Pages::learn_secret();  // nothing is sealed before there is a heap
    return PageMap<Kernel>::reserve(heap);
  }

  void add(Span heap) {
    PageMap<Kernel>::set(heap, PageEntry::heap(arena()));
    Footprint<Kernel>::raise_peak();
    fresh_.add(heap);
  }

  void remove(Span heap) {
    PageMap<Kernel>::set(heap, PageEntry::returned());
    fresh_.remove(heap);
  }

  void put_back(Span heap) {
    PageMap<Kernel>::set(heap, PageEntry::heap(arena()));
    fresh_.put_back(heap);
  }

  FreshMemory& fresh() { return fresh_; }

  // Whether `gap` is the one on top.
  bool is_top(Span gap) const { return fresh_.is_top(gap); }
  // A pass of the purger begins here.
  void begin_purge() { knows_due_ = false; }
  // Purges what the pass is to take of the top gap. False: the part is over before that.
  bool purge_top(Span gap, PurgePass& pass) {
    if (pass.takes != PurgePass::Takes::nothing) {
      due_ = knows_due_ ? fresh_.still_due(due_, gap)
                        : fresh_.begin_pass(gap, pass.takes == PurgePass::Takes::all);
      knows_due_ = true;
      if (!purge_due(gap, pass)) {
        return false;
      }
    }
    pass.dirty_bytes += fresh_.dirty_part(gap).size();
    return true;
  }

 private:
  static constexpr size_t kHugePage = size_t{2} << 20;

  // Piece by piece, the highest first, so that the frontier comes down with them.
  bool purge_due(Span gap, PurgePass& pass) {
    const size_t page = Kernel::page_size();
    char* const last = align_down(gap.acme - kWordSize, page);
    if (due_.is_sized() && due_.acme > last) {
      clear_last_page(last, gap);
    }
    Span pages(align_up(due_.base, page), due_.acme);
    if (pages.is_sized()) {
      // The last page that was touched may be a huge one.
      char* const end = align_up(due_.acme, kHugePage);
      pages.acme = end < last ? end : last;
    }
    while (pages.is_sized() && pass.may_go_on()) {
      const Span piece = pass.highest_piece(pages);
      if (!Kernel::purge(piece)) {
        break;
      }
      pass.count_call(piece.size());
      fresh_.forget(piece);
      pages.acme = due_.acme = piece.base;
    }
    return !pages.is_sized() || pass.may_go_on();
  }

  // The page with the gap's size stays. What is due of it is made as if the kernel had given it, so that
  // the frontier comes down from it, too, and the next pass finds nothing.
  void clear_last_page(char* last, Span gap) {
    char* const from = due_.base < last ? last : due_.base;
    zero_bytes(from, static_cast<size_t>(gap.acme - kWordSize - from));
    fresh_.forget(Span(from, gap.acme));
    due_.acme = from;
  }

  unsigned arena_;
  bool knows_due_ = false;
  Span due_;  // what of the top gap the pass is to purge, if it knows
  bool is_settling_ = false;
  size_t settled_bytes_ = 0;
  FreshMemory fresh_;
};

}  // namespace talc
