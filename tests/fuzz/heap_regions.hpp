// HeapRegions: the memory that a fuzzed engine may have, side by side, at most one heap in each region.
//
//     region 0         |gap| region 1      |gap| …           gaps: 0 to 63 bytes
//     revoked | heap | revoked
//
// What is not a heap's is poisoned where AddressSanitizer runs, and everywhere holds a pattern that is
// looked at when it is lent again. Every answer of claim, extend and truncate is checked.
#pragma once

#include <string.h>

#include "../support/sanitizers.hpp"
#include "input.hpp"
#include "require.hpp"
#include "talc/base/span.hpp"
#include "talc/core/chunk.hpp"
#include "talc/core/counters.hpp"

#ifdef TALC_TEST_ASAN
#include <sanitizer/asan_interface.h>
#endif

namespace fuzz {

using talc::Span;

class HeapRegions {
 public:
  static constexpr size_t kCount = 4;

  // Four regions, all revoked.
  void begin(Input& input) {
    *this = HeapRegions();
    char* at = memory_;
    for (Region& region : regions_) {
      at += input.below(kMaxGap);
      region.memory = Span::from_base_size(at, input.magnitude(kMaxRegionLog2) + kLeastRegion);
      at = region.memory.acme;
    }
    used_ = Span(memory_, at);
    revoke(used_);
  }

  // Everything may be touched again.
  void end() { unpoison(used_); }

  // Each of these returns whether there is more memory than before.
  template <class Engine>
  bool claim_some(Engine& engine, Input& input) {
    Region& region = some_region(input);
    if (region.heap.is_sized()) {
      return false;
    }
    const Span wanted = some_part(region.memory, input);
    const Span lent = wanted.word_align_inward();
    lend(lent);
    region.heap = engine.claim(wanted);
    if (region.heap.is_empty()) {
      require_untouched(lent);
      require(wanted.size() < kEnoughForAHeap + wanted.size() / 16, "claim refuses enough memory");
      revoke(lent);
      return false;
    }
    require(region.heap == lent, "a new heap is not what was claimed");
    expected_.heap_count += 1;
    expected_.total_heaps += 1;
    count_more(region.heap.size());
    return true;
  }

  template <class Engine>
  bool extend_some(Engine& engine, Input& input) {
    Region& region = some_region(input);
    const Span before = region.heap;
    if (before.is_empty() || region.is_changing) {
      return false;
    }
    const Span wanted =
        before.extend(input.magnitude(kMaxRegionLog2), input.magnitude(kMaxRegionLog2))
            .fit_within(region.memory);
    const talc::SpanPair more = wanted.word_align_inward().fit_over(before).except(before);
    lend(more.below);
    lend(more.above);
    region.is_changing = true;
    region.heap = engine.extend(before, wanted);
    region.is_changing = false;
    require_untouched(more.below.below(region.heap.base));
    require_untouched(more.above.above(region.heap.acme));
    take_back({more.below.below(region.heap.base), more.above.above(region.heap.acme)});
    require(wanted.contains_span(region.heap) && region.heap.contains_span(before),
            "a heap was extended to somewhere else");
    require(region.heap.base < wanted.base + talc::kMinChunkSize &&
                region.heap.acme > wanted.acme - talc::kMinChunkSize,
            "a heap was extended by less than it could");
    count_more(region.heap.size() - before.size());
    return region.heap != before;
  }

  template <class Engine>
  void truncate_some(Engine& engine, Input& input) {
    Region& region = some_region(input);
    if (region.heap.is_sized()) {
      truncate(engine, region, smaller_extent(engine, region.heap, input));
    }
  }

  // Draws every heap back as far as it goes.
  template <class Engine>
  void truncate_all(Engine& engine) {
    for (Region& region : regions_) {
      if (region.heap.is_sized()) {
        truncate(engine, region, Span());
      }
    }
  }

  // An engine has told of a free top.
  template <class Engine>
  void on_top_free(Engine& engine, Span heap, size_t free_bytes, Input& input) {
    Region* const region = region_of(heap);
    require(region != nullptr, "an engine tells of a heap that is none");
    require(!region->is_changing, "an engine tells of a heap that is being changed");
    require(
        free_bytes < heap.size() && engine.get_allocated_span(heap).acme <= heap.acme - free_bytes,
        "a top is not free");
    if (input.below(2) == 1) {
      truncate(engine, *region, smaller_extent(engine, heap, input));
    }
  }

  // f(Span) for each heap.
  template <class F>
  void for_each(F f) const {
    for (const Region& region : regions_) {
      if (region.heap.is_sized()) {
        f(region.heap);
      }
    }
  }

  bool is_heap(Span heap) const {
    bool found = false;
    for_each([&](Span known) { found |= known == heap; });
    return found;
  }

  // What the engine's counters must say of heaps; the other members are 0.
  const talc::Counters& expected() const { return expected_; }

 private:
  static constexpr unsigned kMaxRegionLog2 = 20;
  static constexpr size_t kLeastRegion = 64;
  static constexpr size_t kMaxGap = 64;
  static constexpr size_t kEnoughForAHeap = 400;
  static constexpr char kUntouched = static_cast<char>(0xEE);
  static constexpr size_t kMemoryBytes =
      kCount * ((size_t{1} << kMaxRegionLog2) + kLeastRegion + kMaxGap);

  struct Region {
    Span memory;
    Span heap;
    bool is_changing = false;
  };

  Region& some_region(Input& input) { return regions_[input.below(kCount)]; }

  Region* region_of(Span heap) {
    for (Region& region : regions_) {
      if (region.heap == heap && heap.is_sized()) {
        return &region;
      }
    }
    return nullptr;
  }

  // Nothing, or any part, or what is allocated and a few bytes more: what remains may be too little for
  // a gap.
  template <class Engine>
  static Span smaller_extent(Engine& engine, Span heap, Input& input) {
    switch (input.below(4)) {
      case 0:
        return Span();
      case 1:
        return some_part(heap, input);
      default:
        return engine.get_allocated_span(heap)
            .extend(input.below(kMaxGap), input.below(kMaxGap))
            .fit_within(heap);
    }
  }

  // Often all of it, else without some bytes at both ends.
  static Span some_part(Span whole, Input& input) {
    return input.below(2) == 0
               ? whole
               : whole.truncate(input.magnitude(kMaxRegionLog2), input.magnitude(kMaxRegionLog2));
  }

  template <class Engine>
  void truncate(Engine& engine, Region& region, Span to) {
    const Span before = region.heap;
    region.is_changing = true;
    const Span used = engine.get_allocated_span(before);
    region.heap = engine.truncate(before, to);
    region.is_changing = false;
    take_back(before.except(region.heap));
    require(before.contains_span(region.heap), "a heap was truncated to somewhere else");
    require(region.heap.contains_span(used), "an allocation was truncated");
    if (region.heap.is_empty()) {
      require(to.size() < 8 * talc::kMinChunkSize, "a heap is gone without need");
      expected_.heap_count -= 1;
    } else if (to.is_sized() && used.is_sized()) {
      char* const due = to.acme > used.acme ? to.acme : used.acme;
      require(region.heap.acme < due + talc::kMinChunkSize, "a heap was truncated too little");
    }
    expected_.claimed_bytes -= before.size() - region.heap.size();
  }

  void count_more(size_t bytes) {
    expected_.claimed_bytes += bytes;
    expected_.total_claimed_bytes += bytes;
  }

  static void require_untouched(Span part) {
    if (part.is_sized()) {
      const bool is_uniform = memcmp(part.base, part.base + 1, part.size() - 1) == 0;
      require(*part.base == kUntouched && is_uniform, "memory outside of the heaps was written to");
    }
  }

  static void lend(Span part) {
    unpoison(part);
    require_untouched(part);
  }

  static void take_back(talc::SpanPair parts) {
    revoke(parts.below);
    revoke(parts.above);
  }

  static void revoke(Span part) {
    if (part.is_sized()) {
      memset(part.base, kUntouched, part.size());
#ifdef TALC_TEST_ASAN
      ASAN_POISON_MEMORY_REGION(part.base, part.size());
#endif
    }
  }

  static void unpoison([[maybe_unused]] Span part) {
#ifdef TALC_TEST_ASAN
    ASAN_UNPOISON_MEMORY_REGION(part.base, part.size());
#endif
  }

  alignas(4096) static inline char memory_[kMemoryBytes];

  Span used_;
  Region regions_[kCount];
  talc::Counters expected_;
};

}  // namespace fuzz
