// ProcessStats: what the process heap tells of itself. The keys of the reports are its members'
// names.
//
//   mapped     |<----------------- from the kernel, in heaps and huge blocks ---------------->|
//              | active: live blocks with all that they cost  | metadata |     retained       |
//              | allocated: the bytes the program may use |
//
// Filled by ProcessHeap::get_stats, one arena at a time: a sum over moments, exact when no other
// thread is at work. mapped = active + metadata + retained, of each arena and of the whole.
#pragma once

#include <stddef.h>

namespace talc {

inline constexpr unsigned kMaxArenas = 64;

struct ArenaStats {
  size_t allocations = 0;  // blocks handed out, ever; a block that realloc moves counts again
  size_t frees = 0;        // blocks taken back, ever: live blocks = allocations - frees
  size_t allocated = 0;    // usable bytes of live blocks
  size_t active = 0;       // the same with prefixes and tags
  size_t metadata = 0;     // headers and bins of heaps, thread caches, and what alignment left over
  size_t cached = 0;       // bytes free in threads' caches, part of retained
  size_t in_transit = 0;   // of slots that other arenas' threads freed, on their way home; as above
  size_t slabs = 0;        // bytes of slabs, their free slots included
  size_t resident = 0;  // bytes of `mapped` that are in memory, as mincore(2) tells; 0: not asked
  size_t mapped = 0;    // bytes mapped
  size_t retained =
      0;             // bytes mapped that hold nothing: what a request can have without the kernel
  size_t heaps = 0;  // heaps; each is one mapping
  size_t fragments = 0;  // gaps between blocks
};

struct ProcessStats {
  // Sums over the arenas and the huge blocks. A huge block's pages are all usable, so active and
  // allocated are the same there; each counts as a heap.
  size_t allocations = 0;
  size_t frees = 0;
  size_t allocated = 0;
  size_t active = 0;
  size_t metadata = 0;  // with the page map's leaves, which are mostly untouched
  size_t cached = 0;
  size_t in_transit = 0;
  size_t slabs = 0;
  size_t resident = 0;  // without the page map
  size_t mapped = 0;    // with the page map's leaves
  size_t retained = 0;
  size_t peak = 0;  // the most bytes that heaps and huge blocks ever had mapped at once
  size_t heaps = 0;
  size_t fragments = 0;
  size_t mappings = 0;      // mappings made and not yet unmade
  size_t system_calls = 0;  // for memory, ever

  size_t huge_blocks = 0;  // live huge blocks
  size_t huge_bytes = 0;   // their bytes

  unsigned arena_count = 0;
  ArenaStats arenas[kMaxArenas] = {};
};

}  // namespace talc
