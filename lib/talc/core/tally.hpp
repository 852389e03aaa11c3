// What Talc writes its Counters through, so that switching them off leaves nothing: no code, no bytes.
//
// Used by blocks.hpp and heaps.hpp. Leaves reading and printing to counters.hpp and stats/.
#pragma once

#include "talc/core/counters.hpp"

namespace talc {

template <bool kEnabled>
struct Tally {
  Counters counters{};

  void on_malloc(size_t size) {
    counters.live_allocations += 1;
    counters.total_allocations += 1;
    counters.live_bytes += size;
    counters.total_bytes += size;
  }
  void on_free(size_t size) {
    counters.live_allocations -= 1;
    counters.live_bytes -= size;
  }
  void on_grow(size_t by) {
    counters.live_bytes += by;
    counters.total_bytes += by;
  }
  void on_shrink(size_t by) { counters.live_bytes -= by; }
  void on_insert_gap(size_t size) {
    counters.available_bytes += size;
    counters.gap_count += 1;
  }
  void on_remove_gap(size_t size) {
    counters.available_bytes -= size;
    counters.gap_count -= size != 0 ? 1 : 0;
  }
  void on_claim(size_t size) {
    counters.heap_count += 1;
    counters.total_heaps += 1;
    on_extend(size);
  }
  void on_extend(size_t by) {
    counters.claimed_bytes += by;
    counters.total_claimed_bytes += by;
  }
  void on_truncate(size_t by) { counters.claimed_bytes -= by; }
  void on_drop(size_t size) {
    counters.heap_count -= 1;
    on_truncate(size);
  }
};

template <>
struct Tally<false> {
  void on_malloc(size_t) {}
  void on_free(size_t) {}
  void on_grow(size_t) {}
  void on_shrink(size_t) {}
  void on_insert_gap(size_t) {}
  void on_remove_gap(size_t) {}
  void on_claim(size_t) {}
  void on_extend(size_t) {}
  void on_truncate(size_t) {}
  void on_drop(size_t) {}
};

}  // namespace talc
