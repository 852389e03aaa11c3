// The engine's statistics, as one plain value: what it holds now, and what it has handled in all.
//
// Running values go up and down; total values only go up (and wrap, after 2^32 or 2^64). Bytes live
// are bytes as requested, so overhead contains tags, rounding and heap headers, nothing else.
// The engine fills it (Talc::get_counters); stats/counters_table.hpp prints it.
#pragma once

#include <stddef.h>

namespace talc {

struct Counters {
  size_t live_allocations = 0;     // blocks allocated and not yet freed
  size_t total_allocations = 0;    // allocations that succeeded, ever
  size_t live_bytes = 0;           // sum of the requested sizes of live blocks
  size_t total_bytes = 0;          // sum of the requested sizes, ever; growing a block adds
  size_t available_bytes = 0;      // sum of the gaps, in bytes
  size_t gap_count = 0;            // number of gaps: fragments
  size_t heap_count = 0;           // heaps established now
  size_t total_heaps = 0;          // heaps established, ever
  size_t claimed_bytes = 0;        // bytes of the heaps established now
  size_t total_claimed_bytes = 0;  // bytes claimed, ever; extending a heap adds

  // Bytes of the heaps that are neither free nor what a caller asked for.
  constexpr size_t overhead_bytes() const { return claimed_bytes - available_bytes - live_bytes; }
  // Blocks freed, ever.
  constexpr size_t freed_allocations() const { return total_allocations - live_allocations; }
  // Sum of their requested sizes; shrinking a block adds.
  constexpr size_t freed_bytes() const { return total_bytes - live_bytes; }
  // Heaps that are gone.
  constexpr size_t released_heaps() const { return total_heaps - heap_count; }
  // Bytes that were claimed once and are no longer: truncating a heap adds.
  constexpr size_t released_bytes() const { return total_claimed_bytes - claimed_bytes; }

  constexpr bool operator==(const Counters&) const = default;
};

}  // namespace talc
