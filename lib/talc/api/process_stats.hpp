// ProcessStats: what the process heap tells of itself. The keys of the reports are its members'
// names.
//
//   mapped     |<----------------- from the kernel, in heaps and huge blocks ---------------->|
//              | active: live blocks with all that they cost  | metadata |     retained       |
//              | allocated: the bytes the program may use |
//   retained   | cached | in_transit | slab_free | group_free | gaps | kept | reserve |
//              | dirty: has memory, or may have       |       purged: has none             |
//
// Filled by ProcessHeap::get_stats, one arena at a time: a sum over moments, exact when no other
// thread is at work. Then both lines add up, of each arena and of the whole. HeapDetail is the same
// moments seen closer: by size class, by thread, by address.
#pragma once

#include <stddef.h>

#include "talc/front/size_classes.hpp"

namespace talc {

// No process has more.
inline constexpr unsigned kMaxArenas = 64;

// Of one arena, or of all of them and of huge blocks.
struct MemoryStats {
  size_t allocations = 0;  // blocks handed out, ever; a block that realloc moves counts again
  size_t frees = 0;        // blocks taken back, ever: live blocks = allocations - frees
  size_t allocated = 0;    // usable bytes of live blocks
  size_t active = 0;       // the same with prefixes and tags
  // Headers and bins of heaps, of slabs, thread caches, what does not fill a slab, and what
  // alignment left over.
  size_t metadata = 0;
  size_t cached = 0;  // bytes free in threads' caches
  // Of `cached`, at most so much was made resident ahead of use (docs/GLOSSARY.md: populate) and not used yet.
  size_t populated = 0;
  size_t in_transit = 0;  // of blocks that other arenas' threads freed, on their way home
  size_t slabs = 0;       // bytes of slabs, their free slots included
  size_t slab_free = 0;   // of free slots in slabs
  size_t group_free = 0;  // of groups, in which there is no slab
  size_t gaps = 0;        // between chunks of the engine
  size_t resident = 0;    // bytes of `mapped` that are in memory, as mincore(2) tells; 0: not asked
  size_t mapped = 0;      // bytes mapped
  size_t retained = 0;    // bytes that hold nothing: what a request can have without the kernel
  size_t dirty = 0;       // of them those that have memory, or may have
  size_t purged = 0;      // and those that have none: never touched, or given back
  size_t heaps = 0;       // heaps; each is one mapping
  size_t fragments = 0;   // gaps, their number

  size_t middle_blocks = 0;       // live blocks of 8 KiB to 4 MiB
  size_t middle_bytes = 0;        // their usable bytes
  size_t middle_allocations = 0;  // of such blocks, ever; part of allocations
  size_t middle_frees = 0;        // the same of frees
  size_t hot_blocks = 0;          // such blocks that threads keep for themselves
  size_t hot_bytes = 0;           // usable ones; part of cached
  size_t middle_in_transit = 0;   // usable bytes of such blocks in outboxes; part of in_transit

  // Adds all of it, member by member.
  void add(const MemoryStats& other);
};

// Of one arena.
using ArenaStats = MemoryStats;

// Sums over the arenas and the huge blocks. A huge block's pages are all usable, so active and
// allocated are the same there; each counts as a heap. metadata and mapped are with the page map's
// leaves, which are mostly untouched; resident is without them.
struct ProcessStats : MemoryStats {
  size_t kept = 0;     // bytes of free huge blocks
  size_t reserve = 0;  // set aside for when memory runs out; in purged: it is not touched
  size_t peak = 0;  // the most bytes that were ever mapped at once, with the page map as it is now
  size_t peak_uptime_ms = 0;  // when that was
  size_t purge_passes = 0;    // passes of the purger
  size_t purge_bytes = 0;     // given back by them, ever
  size_t mappings = 0;        // mappings made and not yet unmade
  size_t system_calls = 0;    // for memory, ever
  size_t populated_ever = 0;  // bytes made resident ahead of use, ever
  size_t huge_blocks = 0;     // live huge blocks
  size_t huge_bytes = 0;      // their bytes

  unsigned arena_count = 0;            // how many of `arenas` there are
  ArenaStats arenas[kMaxArenas] = {};  // each by itself
};

inline void MemoryStats::add(const MemoryStats& other) {
  allocations += other.allocations;
  frees += other.frees;
  allocated += other.allocated;
  active += other.active;
  metadata += other.metadata;
  cached += other.cached;
  populated += other.populated;
  in_transit += other.in_transit;
  slabs += other.slabs;
  slab_free += other.slab_free;
  group_free += other.group_free;
  gaps += other.gaps;
  resident += other.resident;
  mapped += other.mapped;
  retained += other.retained;
  dirty += other.dirty;
  purged += other.purged;
  heaps += other.heaps;
  fragments += other.fragments;
  middle_blocks += other.middle_blocks;
  middle_bytes += other.middle_bytes;
  middle_allocations += other.middle_allocations;
  middle_frees += other.middle_frees;
  hot_blocks += other.hot_blocks;
  hot_bytes += other.hot_bytes;
  middle_in_transit += other.middle_in_transit;
}

// ---- closer ----

// Of all slabs of one size class: live + cached + in_transit + free = slots. What a slot of the coarse
// class serves counts there, though a finer class was asked for it: nobody could tell when it is freed.
struct ClassStats {
  size_t slabs = 0;        // number of slabs
  size_t slots = 0;        // slots in all of them
  size_t live = 0;         // slots that hold live blocks
  size_t cached = 0;       // in magazines
  size_t in_transit = 0;   // in outboxes
  size_t free = 0;         // in the slabs
  size_t allocations = 0;  // slots handed out, ever
  size_t frees = 0;        // slots taken back, ever: live = allocations - frees

  // Whether there is, or was, anything to tell of it.
  bool has_any() const { return slabs != 0 || allocations != 0; }
};

// Of one thread's cache.
struct ThreadStats {
  unsigned arena = 0;      // its home arena
  bool is_active = false;  // a thread has it; else it waits for one
  size_t cached = 0;       // bytes, hot ones included
  size_t in_transit = 0;   // bytes in the outbox
  size_t hot = 0;          // bytes of hot blocks
};

// One heap, in cells of cell_bytes from its base up, each named after what most of it is.
struct HeapMap {
  static constexpr unsigned kMaxCells = 512;  // the most that a heap is cut into
  // What bytes of a heap are used for.
  enum class Use : unsigned char {
    block,         // live blocks that are no slots of slabs
    full_slab,     // slabs without a free slot
    partial_slab,  // slabs with free slots
    dirty,         // free, with memory, or perhaps
    purged,        // free, without memory
    metadata,      // what serves the blocks
  };
  static constexpr unsigned kUses = 6;  // the number of them

  unsigned arena = 0;           // whose heap it is
  const char* base = nullptr;   // its lowest address
  size_t bytes = 0;             // its size
  size_t bytes_of[kUses] = {};  // that are used so; by Use
  size_t cell_bytes = 0;        // bytes that a cell stands for
  unsigned cell_count = 0;      // how many of `cells` there are
  Use cells[kMaxCells] = {};    // from the base up
};

class ThreadCache;

// Of the whole process heap.
struct HeapDetail {
  static constexpr unsigned kMaxThreads = 256;  // as many as there is room for
  static constexpr unsigned kMaxHeaps = 64;     // the same

  ClassStats classes[SizeClasses::kCount] = {};  // by size class

  unsigned thread_count = 0;                  // how many of `threads` there are
  unsigned threads_left_out = 0;              // for which there is no room
  ThreadStats threads[kMaxThreads] = {};      // each cache by itself
  const ThreadCache* newest_cache = nullptr;  // that there was at the beginning

  unsigned heap_count = 0;        // how many of `heaps` there are
  unsigned heaps_left_out = 0;    // for which there is no room, or in which a tag was written over
  HeapMap heaps[kMaxHeaps] = {};  // each of the arenas' by itself
};

}  // namespace talc
