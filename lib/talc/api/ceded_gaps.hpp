// CededGaps: large gaps of an arena that the heap's limit does not count, while nobody needs them.
//
//   gap  ── cede ──>  | next, size | no memory …                    | tag |   a chunk, that is nobody's block
//                                   ^ these pages do not count, but for two granules
//   a request fits nowhere  ── reclaim, if the footprint lets it ──>  | next, size | no memory | gap  |
//
// What is purged in the middle of a heap cannot be unmapped, be it that one small block lies above it.
// Left in the engine, any request might use it unasked; so it is taken out, as an allocated chunk, and
// given back to it piece by piece, each of which is asked for like memory from the kernel. Trimming gives
// all of them back to the engine for a moment, and cedes what remains: a gap that came to lie on top is
// unmapped but for a granule's rest, and what that rest takes was counted already.
// docs/decisions/0011. Every call happens in a visit. Used by Arena, where there is a limit.
#pragma once

#include "talc/api/footprint.hpp"
#include "talc/base/memory.hpp"
#include "talc/base/span.hpp"
#include "talc/core/chunk.hpp"
#include "talc/front/page_entry.hpp"

namespace talc {

template <class Kernel>
class CededGaps {
 public:
  // Smaller gaps stay where they are, and count.
  static constexpr size_t kMinBytes = size_t{1} << 20;

  constexpr CededGaps() = default;

  bool has_any() const { return first_ != nullptr; }
  // Of the chunks, and of them those that do not count.
  size_t bytes() const { return bytes_; }
  size_t uncounted_bytes() const { return uncounted_bytes_; }

  // Takes the large gaps from the engine. What does not count of them, the caller tells the footprint.
  template <class Source>
  void cede(Source& source) {
    for (size_t size = largest_gap(source); size >= kMinBytes; size = largest_gap(source)) {
      const size_t payload_bytes = size - kTagSize;  // the whole gap
      auto* const gap = static_cast<Ceded*>(source.take_gap(payload_bytes));
      if (gap == nullptr) {
        return;
      }
      gap->size = payload_bytes;
      if (!Kernel::purge(pages_of(gap))) {
        source.return_granules(gap, payload_bytes);
        return;
      }
      push(gap);
    }
  }

  // Gives all of them back to the engine. They do not count yet: as cede.
  template <class Source>
  void return_all(Source& source) {
    while (Ceded* const gap = first_) {
      pop();
      source.return_granules(gap, gap->size);
    }
  }

  // Gives the engine a gap of `least_bytes`, if there is one and the limit leaves so much.
  template <class Source>
  bool reclaim(Source& source, size_t least_bytes) {
    for (Ceded** place = &first_; *place != nullptr; place = &(*place)->next) {
      Ceded* const gap = *place;
      const size_t step = align_up(least_bytes + kSpareBytes, kGranuleSize);
      if (step < least_bytes || step > gap->size) {
        continue;
      }
      for (const size_t piece : {step < kMinBytes ? kMinBytes : step, step}) {
        if (reclaim_piece(source, place, piece)) {
          return true;
        }
      }
    }
    return false;
  }

 private:
  struct [[gnu::may_alias]] Ceded {
    Ceded* next;
    size_t size;
  };
  // What a chunk in a gap may need beside its payload.
  static constexpr size_t kSpareBytes = 8 * kWordSize;
  // Pages of each that count though they have no memory.
  static constexpr size_t kCountedBytes = 2 * kGranuleSize;

  template <class Source>
  static size_t largest_gap(Source& source) {
    size_t largest = 0;
    source.engine().for_each_gap(kMinBytes, [&](Span gap) {
      largest = gap.size() > largest ? gap.size() : largest;
      return true;
    });
    return largest;
  }

  // What of it has no memory.
  static Span pages_of(Ceded* gap) {
    char* const base = reinterpret_cast<char*>(gap);
    return Span(align_up(base + sizeof(Ceded), Kernel::page_size()),
                align_down(base + gap->size, Kernel::page_size()));
  }

  static size_t uncounted_in(Ceded* gap) { return pages_of(gap).size() - kCountedBytes; }

  void push(Ceded* gap) {
    gap->next = first_;
    first_ = gap;
    bytes_ += gap->size;
    uncounted_bytes_ += uncounted_in(gap);
  }
  void pop() {
    bytes_ -= first_->size;
    uncounted_bytes_ -= uncounted_in(first_);
    first_ = first_->next;
  }

  // The upper `piece` bytes of it, or all if little would be left.
  template <class Source>
  bool reclaim_piece(Source& source, Ceded** place, size_t piece) {
    Ceded* const gap = *place;
    const size_t old_size = gap->size;
    const size_t old_uncounted = uncounted_in(gap);
    const bool takes_all = old_size < piece + kMinBytes;
    gap->size = takes_all ? old_size : old_size - align_up(piece, kGranuleSize);
    const size_t counted = takes_all ? old_uncounted : old_uncounted - uncounted_in(gap);
    if (!Footprint<Kernel>::try_grow(counted)) {
      gap->size = old_size;
      return false;
    }
    Footprint<Kernel>::raise_peak();
    bytes_ -= takes_all ? old_size : old_size - gap->size;
    uncounted_bytes_ -= counted;
    if (takes_all) {
      *place = gap->next;
      source.return_granules(gap, old_size);
    } else {
      source.shrink_gap(gap, old_size, gap->size);
    }
    return true;
  }

  Ceded* first_ = nullptr;
  size_t bytes_ = 0;
  size_t uncounted_bytes_ = 0;
};

}  // namespace talc
