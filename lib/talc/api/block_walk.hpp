// BlockWalk: every block that the program has, one after the other.
//
//   arena   heap ──> chunk: a group ──> its slabs ──> slots in use that no cache or outbox has
//                    chunk: a middle block, if the word below its payload says that it is live
//   page map ──> huge blocks
//
// Each arena is visited once, for as long as its blocks take: nothing begins or ends there meanwhile,
// but threads go on using their own caches. What those hold is written down first, in memory from the
// kernel: so it is one look at each, and exact if no other thread is at work. Used by ProcessHeap.
#pragma once

#include <algorithm>

#include "talc/api/huge_blocks.hpp"
#include "talc/api/thread_caches.hpp"

namespace talc {

struct WalkedBlock {
  static constexpr unsigned kNoArena = ~0U;

  void* ptr;
  size_t usable;
  unsigned arena;  // kNoArena: a huge block
};

enum class WalkEnd : unsigned char { all, stopped, busy, no_memory };

template <class Kernel>
class BlockWalk {
 public:
  using TheArena = Arena<Kernel>;
  using Map = PageMap<Kernel>;

  // f(WalkedBlock) for each block, until it is false. Requires: f does nothing with the heap.
  // Cost: linear in the blocks, n log n in what caches hold. Locks: one arena's at a time.
  template <class F>
  static WalkEnd walk(ThreadCaches<Kernel>& caches, F f) {
    for (unsigned i = 0; i < caches.arenas().count(); ++i) {
      TheArena& arena = caches.arenas()[i];
      const auto visit = arena.visit_within(kPatienceMs);
      if (!visit && arena.lock().is_abandoned()) {
        continue;  // what a fork has copied of it may be half a change
      }
      if (!visit) {
        return WalkEnd::busy;
      }
      const WalkEnd end = walk_arena(caches, arena, f);
      if (end != WalkEnd::all) {
        return end;
      }
    }
    bool goes_on = true;
    Map::for_each_huge([&](char* granule, PageEntry entry) {
      char* const base = granule + entry.huge_page() * Kernel::page_size();
      goes_on = goes_on && f(WalkedBlock{base, entry.huge_length(), WalkedBlock::kNoArena});
    });
    return goes_on ? WalkEnd::all : WalkEnd::stopped;
  }

 private:
  static constexpr unsigned kPatienceMs = 1000;

  // The slots of an arena that count as used in their slabs and are no blocks: a sorted list.
  class FreeSlots {
   public:
    FreeSlots(ThreadCaches<Kernel>& caches, TheArena& arena) {
      size_t count = 0;
      caches.for_each_free_slot(arena, [&](const void*) { count += 1; });
      // Threads go on, and may have a few more at the second look.
      bytes_ = align_up((count + count / 8 + kSpare) * sizeof(void*), Kernel::page_size());
      slots_ = reinterpret_cast<const void**>(Kernel::map(nullptr, bytes_));
      if (slots_ == nullptr) {
        return;
      }
      caches.for_each_free_slot(arena, [&](const void* slot) {
        if (count_ < bytes_ / sizeof(void*)) {
          slots_[count_++] = slot;
        }
      });
      std::sort(slots_, slots_ + count_);
    }
    ~FreeSlots() {
      if (slots_ != nullptr) {
        Kernel::unmap(Span::from_base_size(reinterpret_cast<char*>(slots_), bytes_));
      }
    }
    FreeSlots(const FreeSlots&) = delete;
    FreeSlots& operator=(const FreeSlots&) = delete;

    bool is_known() const { return slots_ != nullptr; }
    bool contains(const void* slot) const {
      return std::binary_search(slots_, slots_ + count_, slot);
    }

   private:
    static constexpr size_t kSpare = 512;

    const void** slots_ = nullptr;
    size_t count_ = 0;
    size_t bytes_ = 0;
  };

  template <class F>
  static WalkEnd walk_arena(ThreadCaches<Kernel>& caches, TheArena& arena, F& f) {
    const FreeSlots free_slots(caches, arena);
    if (!free_slots.is_known()) {
      return WalkEnd::no_memory;
    }
    bool goes_on = true;
    arena.engine().for_each_heap([&](Span heap) {
      (void)arena.engine().get_allocated_span(heap);  // so that no free chunk still looks allocated
      arena.engine().for_each_chunk(heap, [&](Span chunk, bool allocated) {
        if (allocated && goes_on) {
          goes_on = walk_chunk(arena, chunk, free_slots, f);
        }
      });
    });
    return goes_on ? WalkEnd::all : WalkEnd::stopped;
  }

  template <class F>
  static bool walk_chunk(TheArena& arena, Span chunk, const FreeSlots& free_slots, F& f) {
    char* const first = align_up(chunk.base, kGranuleSize);
    if (first < chunk.acme && Map::get(first).kind() != PageEntry::Kind::heap) {
      return walk_group(Span(first, chunk.acme), free_slots, f);
    }
    char* const payload = TheArena::payload_in(chunk);
    const size_t usable = payload == nullptr ? 0 : TheArena::live_size(payload);
    return usable == 0 || f(WalkedBlock{payload, usable, arena.index()});
  }

  template <class F>
  static bool walk_group(Span group, const FreeSlots& free_slots, F& f) {
    bool goes_on = true;
    for (char* at = group.base; goes_on && at < group.acme;) {
      auto* const slab = static_cast<Slab*>(Map::get_slab(at));
      if (slab == nullptr) {
        at += kGranuleSize;
        continue;
      }
      const size_t slot_bytes = SizeClasses::size_of(slab->size_class());
      slab->for_each_used([&](char* slot) {
        goes_on = goes_on &&
                  (free_slots.contains(slot) || f(WalkedBlock{slot, slot_bytes, slab->arena()}));
      });
      at = slab->region().acme;
    }
    return goes_on;
  }
};

}  // namespace talc
