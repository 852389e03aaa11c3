// PostedBlocks: how the blocks in outboxes come home, those of one arena at a time.
//
//   outbox  | 3 | 1 | 3 | 3 | 1 |  ── a visit to arena 3 ──>  | 1 | 1 |  ── a visit to 1 ──>  empty
//
// A small block goes into its slab, a middle one, which was made to wait when it was posted, back to
// the engine. Where an arena is busy for longer than a moment, they are left on its waiting lists:
// who frees, waits for nobody. Used by ThreadCaches.
#pragma once

#include "talc/api/arena_set.hpp"

namespace talc {

template <class Kernel>
class PostedBlocks {
 public:
  using Map = PageMap<Kernel>;
  using TheArena = Arena<Kernel>;
  using Visit = typename TheArena::Visit;

  // Empties the outbox. Requires: its cache is marked as being changed.
  static void send_home(ArenaSet<Kernel>& arenas, Outbox& outbox) {
    while (outbox.count() != 0) {
      const unsigned owner = owner_of(entry_of(outbox.block(0)));
      if (const Visit home = arenas.visit_soon(owner)) {
        take_in_all(*home.operator->(), outbox);
      } else {
        leave_waiting(arenas[owner], outbox);
      }
    }
  }

  // The same without a visit to anyone.
  static void leave_all_waiting(ArenaSet<Kernel>& arenas, Outbox& outbox) {
    while (outbox.count() != 0) {
      leave_waiting(arenas[owner_of(entry_of(outbox.block(0)))], outbox);
    }
  }

 private:
  static PageEntry entry_of(const void* block) {
    const PageEntry entry = Map::get(block);
    if (!entry.is_small() && !entry.is_heap()) {
      raise_fault(Fault::double_free, block);  // its slab has ended meanwhile
    }
    return entry;
  }

  static unsigned owner_of(PageEntry entry) {
    return entry.is_small() ? entry.owner() : entry.arena();
  }

  // Those of the arena. Small ones many at a time: who freed neighbours in turn, has them side by side.
  static void take_in_all(TheArena& home, Outbox& outbox) {
    void* slots[TheArena::kSlotsAtOnce];
    unsigned count = 0;
    outbox.remove_if([&](void* block, size_t) {
      const PageEntry entry = entry_of(block);
      if (owner_of(entry) != home.index()) {
        return false;
      }
      if (entry.is_heap()) {
        home.free_made_wait(block);
        return true;
      }
      slots[count++] = block;
      if (count == TheArena::kSlotsAtOnce) {
        home.put_slots(slots, count);
        count = 0;
      }
      return true;
    });
    home.put_slots(slots, count);
  }

  // Those of the arena.
  static void leave_waiting(TheArena& home, Outbox& outbox) {
    WaitingBlocks::Chain slots;
    WaitingBlocks::Chain middle;
    outbox.remove_if([&](void* block, size_t) {
      const PageEntry entry = entry_of(block);
      if (owner_of(entry) != home.index()) {
        return false;
      }
      (entry.is_small() ? slots : middle).add(block);
      return true;
    });
    home.leave_slots_waiting(slots);
    home.leave_made_wait(middle);
  }
};

}  // namespace talc
