// Counters as a table for people, written without allocating: into a buffer or through a sink.
//
//     statistic         |      running |  accumulated
//     ------------------+--------------+-------------
//     allocations       |            3 |           17
//
// A dash stands where a statistic has no such value. Derived rows come last.
#pragma once

#include "talc/base/text.hpp"
#include "talc/core/counters.hpp"

namespace talc {

namespace counters_table {

inline constexpr size_t kNameWidth = 18;
inline constexpr size_t kValueWidth = 20;  // the digits of 2^64 - 1

struct Cell {
  size_t value = 0;
  bool is_shown = false;
  constexpr Cell() = default;
  constexpr Cell(size_t shown_value) : value(shown_value), is_shown(true) {}  // NOLINT: a number
};

inline void print_cell(TextWriter& out, Cell cell) {
  out.text(" | ");
  if (cell.is_shown) {
    out.decimal(cell.value, kValueWidth);
  } else {
    out.text_right("-", kValueWidth);
  }
}

inline void print_row(TextWriter& out, const char* name, Cell running, Cell accumulated) {
  out.text_left(name, kNameWidth);
  print_cell(out, running);
  print_cell(out, accumulated);
  out.character('\n');
}

inline void print_head(TextWriter& out) {
  out.text_left("statistic", kNameWidth);
  out.text(" | ").text_right("running", kValueWidth);
  out.text(" | ").text_right("accumulated", kValueWidth).character('\n');
  out.repeat('-', kNameWidth + 1);
  for (int column = 0; column < 2; ++column) {
    out.character('+').repeat('-', kValueWidth + (column == 0 ? 2 : 1));
  }
  out.character('\n');
}

}  // namespace counters_table

// Writes the table to `out`. Ensures: nothing of it stays there if that has a sink.
// Cost: about 800 characters.
inline void print_counters(TextWriter& out, const Counters& counters) {
  using counters_table::Cell;
  using counters_table::print_row;
  counters_table::print_head(out);
  print_row(out, "allocations", counters.live_allocations, counters.total_allocations);
  print_row(out, "allocated bytes", counters.live_bytes, counters.total_bytes);
  print_row(out, "available bytes", counters.available_bytes, Cell{});
  print_row(out, "gaps", counters.gap_count, Cell{});
  print_row(out, "heaps", counters.heap_count, counters.total_heaps);
  print_row(out, "claimed bytes", counters.claimed_bytes, counters.total_claimed_bytes);
  print_row(out, "overhead bytes", counters.overhead_bytes(), Cell{});
  print_row(out, "freed allocations", Cell{}, counters.freed_allocations());
  print_row(out, "freed bytes", Cell{}, counters.freed_bytes());
  print_row(out, "released heaps", Cell{}, counters.released_heaps());
  print_row(out, "released bytes", Cell{}, counters.released_bytes());
  out.flush();
}

// Writes the table through `sink`, in pieces of at most 256 characters.
inline void print_counters(TextSink sink, const Counters& counters) {
  char buffer[256];
  TextWriter out(buffer, sink);
  print_counters(out, counters);
}

}  // namespace talc
