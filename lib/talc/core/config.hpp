// What an engine is made of: one aggregate, given to Talc as a template argument.
//
// Each member is a trade that somebody measured; docs/decisions/ has the figures. Branches on it are
// `if constexpr`, so what is switched off leaves no code and no data behind.
//
// Used by every file of core/; named by whoever instantiates Talc.
#pragma once

#include <stddef.h>

namespace talc {

struct Config {
  // Bins per power of two, as a logarithm. Sizes below 2 * bins words have a bin each.
  unsigned bins_per_doubling_log2 = 5;

  // How many bins a table has as soon as a heap can pay for them (with 1/32 of it), instead of as many
  // as tell its gaps apart: 0. A table that has them from the first claim on never moves, so it never
  // stands in the way of truncate. Gaps too large for so many bins share the last one, and requests of
  // such sizes search it.
  unsigned fixed_bins = 0;

  // Small chunks wait in QuickLists before they are merged. Costs a kilobyte in heaps of 32 KiB and more.
  bool quick_lists = true;

  // Keep Counters. They cost some three additions per operation and ten words.
  bool counters = false;

  // Check the invariants of the whole engine at the entry of every operation: cost O(gaps), for tests.
#ifdef TALC_DEBUG
  bool validate = true;
#else
  bool validate = false;
#endif

  // Cut into the top of the newest heap only what fits into no other gap, though the top be the
  // smallest that fits: for heaps that grow, and whose tops nobody has touched yet or may be given back.
  bool spare_top = false;

  // Choose places with the future in mind: while memory is plenty, leave alone gaps that a request
  // would break badly; while it is scarce, let realloc move blocks also where it need not, if that
  // closes gaps. Off: always do what is cheapest now.
  bool compact = true;

  // walk_gaps may be called: whoever takes a gap out looks whether the walk has come to that one.
  bool walks_in_parts = false;

  // The least code there can be, for WebAssembly modules and small firmware: FewBins instead of Bins, and
  // a search that looks at one gap after the other. Needs `quick_lists`, `spare_top` and `compact` off.
  bool small_code = false;
};

}  // namespace talc
