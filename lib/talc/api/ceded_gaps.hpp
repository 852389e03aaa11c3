// CededGaps: large gaps of an arena that the heap's limit does not count, while nobody needs them.
//
//   gap  ── cede ──>  | link, size | no memory …                    | tag |   a chunk, that is nobody's block
//                                   ^ these pages do not count, but for two granules
//   a request fits nowhere  ── reclaim, if the footprint lets it ──>  | link, size | no memory | gap  |
//
// What is purged in the middle of a heap cannot be unmapped, be it that one small block lies above it.
// Left in the engine, any request might use it unasked; so it is taken out, as an allocated chunk, and
// given back to it piece by piece, each of which is asked for like memory from the kernel. Trimming gives
// all of them back to the engine for a moment, and cedes what remains: a gap that came to lie on top is
// unmapped but for a granule's rest, and what that rest takes was counted already. What leads from one to
// the next, and how large each is, is sealed: a program that writes there by mistake changes neither unseen.
// docs/decisions/0011. Every call happens in a visit. Used by Arena, where there is a limit.
#pragma once

#include "talc/api/footprint.hpp"
#include "talc/base/memory.hpp"
#include "talc/base/span.hpp"
#include "talc/core/chunk.hpp"
#include "talc/front/page_entry.hpp"
#include "talc/os/sealed_link.hpp"

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
      if (!Kernel::purge(pages_of(gap, payload_bytes))) {
        source.return_granules(gap, payload_bytes);
        return;
      }
      push(gap, payload_bytes);
    }
  }

  // Gives all of them back to the engine. They do not count yet: as cede.
  template <class Source>
  void return_all(Source& source) {
    while (Ceded* const gap = first_) {
      const size_t size = gap->size;
      first_ = gap->link.get(size);
      bytes_ -= size;
      uncounted_bytes_ -= uncounted_in(gap, size);
      source.return_granules(gap, size);
    }
  }

  // Gives the engine a gap of `least_bytes`, if there is one and the limit leaves so much.
  template <class Source>
  bool reclaim(Source& source, size_t least_bytes) {
    const size_t step = align_up(least_bytes + kSpareBytes, kGranuleSize);
    if (step < least_bytes) {
      return false;
    }
    Ceded* previous = nullptr;
    for (Ceded* gap = first_; gap != nullptr;) {
      const size_t size = gap->size;
      Ceded* const next = gap->link.get(size);
      for (const size_t piece : {step < kMinBytes ? kMinBytes : step, step}) {
        if (step <= size && reclaim_piece(source, {previous, gap, next, size}, piece)) {
          return true;
        }
      }
      previous = gap;
      gap = next;
    }
    return false;
  }

 private:
  struct [[gnu::may_alias]] Ceded {
    SealedLink<Ceded> link;  // and the size
    size_t size;
  };
  // One in the list, of which the seal was opened.
  struct Place {
    Ceded* previous;  // null: it is the first
    Ceded* gap;
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
  static Span pages_of(Ceded* gap, size_t size) {
    char* const base = reinterpret_cast<char*>(gap);
    return Span(align_up(base + sizeof(Ceded), Kernel::page_size()),
                align_down(base + size, Kernel::page_size()));
  }

  static size_t uncounted_in(Ceded* gap, size_t size) {
    return pages_of(gap, size).size() - kCountedBytes;
  }

  static void seal(Ceded* gap, Ceded* next, size_t size) {
    gap->size = size;
    gap->link.set(next, size);
  }

  void push(Ceded* gap, size_t size) {
    seal(gap, first_, size);
    first_ = gap;
    bytes_ += size;
    uncounted_bytes_ += uncounted_in(gap, size);
  }

  // The upper `piece` bytes of it, or all if little would be left.
  template <class Source>
  bool reclaim_piece(Source& source, Place at, size_t piece) {
    const bool takes_all = at.size < piece + kMinBytes;
    const size_t left = takes_all ? 0 : at.size - align_up(piece, kGranuleSize);
    const size_t counted =
        uncounted_in(at.gap, at.size) - (takes_all ? 0 : uncounted_in(at.gap, left));
    if (!Footprint<Kernel>::try_grow(counted)) {
      return false;
    }
    Footprint<Kernel>::raise_peak();
    bytes_ -= at.size - left;
    uncounted_bytes_ -= counted;
    if (!takes_all) {
      seal(at.gap, at.next, left);
      source.shrink_gap(at.gap, at.size, left);
      return true;
    }
    if (at.previous == nullptr) {
      first_ = at.next;
    } else {
      at.previous->link.set(at.next, at.previous->size);
    }
    source.return_granules(at.gap, at.size);
    return true;
  }

  Ceded* first_ = nullptr;
  size_t bytes_ = 0;
  size_t uncounted_bytes_ = 0;
};

}  // namespace talc
