// HeapWalk: what each byte of an arena's heaps is used for, from the tags, prefixes and page map.
//
//   | header | block | metadata | gap … | group: slab, slab, free granules | gap …           |
//   |  m        #        m        ~   .     #      =      .                  ~    .            |
//
// It believes nothing that the counters say, so that a test can compare the two. Used by ProcessHeap::get_stats, during a visit.
#pragma once

#include "talc/api/arena.hpp"
#include "talc/api/process_stats.hpp"

namespace talc {

template <class Kernel>
class HeapWalk {
 public:
  using Use = HeapMap::Use;
  using TheArena = Arena<Kernel>;

  // Walks one heap of `engine`, which is one of `arena`'s. Fills `map`. Cost: linear in the chunks.
  template <class Engine>
  static void walk(TheArena& arena, Engine& engine, Span heap, HeapMap& map) {
    map.arena = arena.index();
    HeapWalk walk(arena.bank(), heap, map);
    [[maybe_unused]] const Span used = engine.get_allocated_span(heap);  // so that none waits
    engine.for_each_chunk(heap, [&](Span chunk, bool allocated) {
      allocated ? walk.add_allocated(chunk)
                : walk.add_gap(chunk, TheArena::purged_part(engine, chunk));
      walk.rest_.acme = chunk.base;
    });
    walk.add(walk.rest_, Use::metadata);
    walk.end_cell();
  }

 private:
  using Map = PageMap<Kernel>;

  HeapWalk(const SlabBank<Kernel>& bank, Span heap, HeapMap& map)
      : bank_(bank), rest_(heap), map_(map) {
    map_.base = heap.base;
    map_.bytes = heap.size();
    map_.cell_bytes =
        align_up((heap.size() + HeapMap::kMaxCells - 1) / HeapMap::kMaxCells, Kernel::page_size());
    map_.cell_count = static_cast<unsigned>((heap.size() + map_.cell_bytes - 1) / map_.cell_bytes);
    cell_ = map_.cell_count - 1;
  }

  void add_gap(Span gap, Span purged) {
    if (purged.is_empty()) {
      add(gap, Use::dirty);
      return;
    }
    add(gap.above(purged.acme), Use::dirty);
    add(purged, Use::purged);
    add(gap.below(purged.base), Use::dirty);
  }

  // A group covers whole granules, whose entries say so.
  void add_allocated(Span chunk) {
    const Span granules(align_up(chunk.base, kGranuleSize), align_down(chunk.acme, kGranuleSize));
    const PageEntry::Kind kind =
        granules.is_sized() ? Map::get(granules.base).kind() : PageEntry::Kind::none;
    if (kind == PageEntry::Kind::small || kind == PageEntry::Kind::returned) {
      add(Span(granules.acme, chunk.acme), Use::metadata);
      for (char* acme = granules.acme; acme != granules.base; acme -= kGranuleSize) {
        add_granule(Span(acme - kGranuleSize, acme));
      }
      add(Span(chunk.base, granules.base), Use::metadata);
      return;
    }
    const size_t active = middle_bytes(chunk);
    add(Span(chunk.base + active, chunk.acme), Use::metadata);
    add(Span(chunk.base, chunk.base + active), Use::block);
  }

  void add_granule(Span granule) {
    if (Map::get(granule.base).kind() != PageEntry::Kind::small) {
      add(granule, bank_.is_bare(granule.base) ? Use::purged : Use::dirty);
      return;
    }
    const auto* const slab = static_cast<const Slab*>(Map::get_slab(granule.base));
    char* const end = slab->base() + slab->slots() * SizeClasses::size_of(slab->size_class());
    add(granule.above(end), Use::metadata);
    add(granule.below(end), slab->is_full() ? Use::full_slab : Use::partial_slab);
  }

  // What a middle block of that chunk costs; 0 if there is none in it.
  static size_t middle_bytes(Span chunk) {
    const char* const payload = TheArena::payload_in(chunk);
    return payload == nullptr ? 0
                              : BlockPrefix::kSize + BlockPrefix::read(payload).usable() + kTagSize;
  }

  // ---- cells, from the top down ----

  char* cell_base() const { return rest_.base + cell_ * map_.cell_bytes; }

  // The highest part of `piece` that lies in one cell, which becomes the current one.
  Span part_in_cell(Span piece) {
    while (piece.acme <= cell_base() && cell_ != 0) {
      end_cell();
      cell_ -= 1;
    }
    char* const base = cell_base();
    return Span(piece.base < base ? base : piece.base, piece.acme);
  }

  void add(Span piece, Use use) {
    while (piece.is_sized()) {
      const Span part = part_in_cell(piece);
      count(part.size(), use);
      piece.acme = part.base;
    }
  }

  void count(size_t bytes, Use use) {
    map_.bytes_of[static_cast<unsigned>(use)] += bytes;
    in_cell_[static_cast<unsigned>(use)] += bytes;
  }

  void end_cell() {
    unsigned most = 0;
    for (unsigned i = 1; i < HeapMap::kUses; ++i) {
      most = in_cell_[i] > in_cell_[most] ? i : most;
    }
    map_.cells[cell_] = static_cast<Use>(most);
    for (size_t& bytes : in_cell_) {
      bytes = 0;
    }
  }

  const SlabBank<Kernel>& bank_;
  Span rest_;  // what is still to be walked
  HeapMap& map_;
  unsigned cell_;
  size_t in_cell_[HeapMap::kUses] = {};
};

}  // namespace talc
