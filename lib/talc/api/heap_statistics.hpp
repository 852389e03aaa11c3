// The statistics of ProcessHeap: one pass over arenas, caches and huge blocks. See process_stats.hpp for
// what adds up to what.
//
// The engine knows chunks, the bank slots, the caches what they hold; live blocks are what is left.
// A term is therefore exact as long as its owners are not at work, and each is counted where it
// lies: what a cache holds of another arena belongs to that one.
#pragma once

#include "talc/api/heap_walk.hpp"
#include "talc/api/process_heap.hpp"

namespace talc {

// a - b; 0 where an arena that is at work shows what never was.
inline size_t rest_of(size_t a, size_t b) { return a < b ? 0 : a - b; }

template <class Kernel>
ArenaStats BasicProcessHeap<Kernel>::stats_of(TheArena& arena, bool has_visit, Resident resident,
                                              HeapDetail* detail) {
  const Counters counters = arena.engine().get_counters();
  const SlabBank<Kernel>& bank = arena.bank();
  CachedBlocks cached = caches_.count(arena, has_visit, detail);
  // Of the engine's allocations some are chunks of ours, and of the blocks some are free. A block that
  // went from one cache to another meanwhile was seen in both.
  const size_t middle_blocks = rest_of(counters.live_allocations, arena.chunks().count);
  const size_t middle_bytes =
      rest_of(counters.live_bytes, arena.chunks().bytes + middle_blocks * BlockPrefix::kSize);
  cached.hot = smaller(cached.hot, middle_blocks);
  cached.hot_bytes = smaller(cached.hot_bytes, middle_bytes);
  cached.middle_posted = smaller(cached.middle_posted, middle_blocks - cached.hot);
  cached.middle_posted_bytes = smaller(cached.middle_posted_bytes, middle_bytes - cached.hot_bytes);
  ArenaStats stats;
  stats.middle_blocks = middle_blocks - cached.hot - cached.middle_posted;
  stats.middle_bytes = middle_bytes - cached.hot_bytes - cached.middle_posted_bytes;
  stats.hot_blocks = cached.hot;
  stats.hot_bytes = cached.hot_bytes;
  stats.middle_in_transit = cached.middle_posted_bytes;
  stats.middle_allocations =
      counters.total_allocations - arena.chunks().total + cached.hot_allocations;
  stats.middle_frees = stats.middle_allocations - stats.middle_blocks;
  stats.allocations = stats.middle_allocations + cached.small_allocations;
  stats.frees = stats.allocations - stats.middle_blocks - cached.small;
  stats.allocated = stats.middle_bytes + cached.small_bytes;
  stats.active = stats.allocated + stats.middle_blocks * CachedBlocks::kMiddleOverhead;
  stats.cached = cached.cached_bytes + cached.hot_active();
  stats.populated = cached.populated_bytes;
  stats.in_transit = cached.posted_bytes + cached.posted_active();
  stats.slabs = bank.slab_bytes();
  stats.slab_free = bank.free_slot_bytes();
  stats.group_free = bank.group_bytes() - bank.slab_bytes();
  arena.for_each_engine([&](auto& engine) {
    const Counters of_engine = engine.get_counters();
    stats.mapped += of_engine.claimed_bytes;
    stats.gaps += of_engine.available_bytes;
    stats.heaps += of_engine.heap_count;
    stats.fragments += of_engine.gap_count;
  });
  stats.gaps += arena.ceded().bytes();
  stats.retained =
      stats.cached + stats.in_transit + stats.slab_free + stats.group_free + stats.gaps;
  stats.metadata = rest_of(stats.mapped, stats.active + stats.retained);
  stats.purged = arena.ceded().uncounted_bytes();
  if (has_visit) {
    walk_free(arena, stats, resident);
  }
  stats.dirty = stats.retained - stats.purged;
  if (detail != nullptr) {
    map_heaps(arena, *detail);
  }
  return stats;
}

// What can only be told by following lists. Requires: a visit.
template <class Kernel>
void BasicProcessHeap<Kernel>::walk_free(TheArena& arena, ArenaStats& stats, Resident resident) {
  stats.purged += arena.bank().purged_bytes();
  arena.for_each_engine([&](auto& engine) {
    engine.for_each_gap(GapPurge<Kernel>::kMinBytes, [&](Span gap) {
      stats.purged += TheArena::purged_part(engine, gap).size();
      return true;
    });
    if (resident == Resident::ask) {
      engine.for_each_heap([&](Span heap) { stats.resident += Kernel::resident_bytes(heap); });
    }
  });
}

// Not of heaps that the program has written over: no tag there can be followed.
template <class Kernel>
void BasicProcessHeap<Kernel>::map_heaps(TheArena& arena, HeapDetail& detail) {
  arena.for_each_engine([&](auto& engine) {
    const bool is_whole = engine.find_fault() == nullptr;
    engine.for_each_heap([&](Span heap) {
      if (!is_whole || detail.heap_count == HeapDetail::kMaxHeaps) {
        detail.heaps_left_out += 1;
        return;
      }
      HeapMap& map = detail.heaps[detail.heap_count++];
      HeapWalk<Kernel>::walk(arena, engine, heap, map);
    });
  });
}

template <class Kernel>
void BasicProcessHeap<Kernel>::get_stats(ProcessStats& out, Resident resident, HeapDetail* detail) {
  // In place: they are larger than some stacks.
  new (kPlacement, &out) ProcessStats();
  out.system_calls = Kernel::system_calls();  // before those that we make
  out.populated_ever = Kernel::populated_bytes();
  if (detail != nullptr) {
    new (kPlacement, detail) HeapDetail();
    detail->newest_cache = caches_.newest();
    for (const ThreadCache* cache = caches_.newest(); cache != nullptr; cache = cache->next) {
      const bool has_room = detail->thread_count < HeapDetail::kMaxThreads;
      (has_room ? detail->thread_count : detail->threads_left_out) += 1;
    }
  }
  out.arena_count = arenas().count();
  for (unsigned i = 0; i < out.arena_count; ++i) {
    // An abandoned arena can't be visited, and does not change either; but what a fork has copied of
    // it may be half a change, in which nobody should walk. One that is busy changes all the time.
    const auto visit = arenas()[i].visit_within(kPatienceMs);
    out.arenas[i] = stats_of(arenas()[i], bool(visit), resident, visit ? detail : nullptr);
    out.add(out.arenas[i]);
  }
  if (detail != nullptr) {
    for (ClassStats& of_class : detail->classes) {
      of_class.frees = rest_of(of_class.allocations, of_class.live);
    }
  }
  const auto huge = huge_.get_counts();
  const size_t leaf_bytes = Map::leaf_bytes();
  out.reserve = reserve_.held_bytes();
  out.huge_blocks = huge.allocations - huge.frees;
  out.huge_bytes = huge.live_bytes;
  out.kept = huge.kept_bytes;
  out.allocations += huge.allocations;
  out.frees += huge.frees;
  out.allocated += huge.live_bytes;
  out.active += huge.live_bytes;
  out.metadata += leaf_bytes;
  out.mapped += huge.live_bytes + huge.kept_bytes + leaf_bytes + out.reserve;
  out.retained += huge.kept_bytes + out.reserve;
  out.dirty += huge.kept_bytes;
  out.purged += out.reserve;
  const PurgeCounts purges = purger_.counts();
  out.purge_passes = purges.passes;
  out.purge_bytes = purges.bytes;
  out.peak = Footprint<Kernel>::peak_bytes() + leaf_bytes;
  out.peak_uptime_ms = Footprint<Kernel>::peak_uptime_ms();
  out.heaps += out.huge_blocks;
  out.mappings = out.heaps + huge.kept_count + Map::mapping_count() + (out.reserve != 0 ? 1 : 0);
  if (resident == Resident::ask) {
    out.resident += HugeBlocks<Kernel>::resident_bytes();
  }
}

}  // namespace talc
