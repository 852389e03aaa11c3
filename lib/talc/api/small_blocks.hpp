// SmallBlocks: what happens to a small block when a thread's cache alone does not settle it.
//
//   allocate   nothing loaded     ──> the spare array ──> a refill, in a visit to the cache's arena
//   release    no room            ──> the spare array ──> larger arrays, or a flush, in a visit
//              another arena's    ──> the outbox
//
// Where there is no cache (a thread that has ended, a signal within a slow path, an arena that a
// fork has stopped) blocks come from any arena and go home one by one. All is static, so that one function
// jumps to the next, without a stack frame. Used by ProcessHeap, whose fast paths are ThreadCache's.
// docs/decisions/0008 has the reasons.
#pragma once

#include "talc/api/thread_caches.hpp"

namespace talc {

template <class Kernel>
class SmallBlocks {
 public:
  using Caches = ThreadCaches<Kernel>;
  using Current = CurrentCache<Kernel>;
  using TheArena = Arena<Kernel>;
  using Visit = typename TheArena::Visit;
  using Supply = MagazineSupply<Kernel>;

  // A refill of untouched memory of that size has its pages populated in one system call.
  static constexpr size_t kMinPopulate = size_t{16} << 10;

  SmallBlocks() = delete;

  // Returns a block of the class, or null when memory is out. Requires: the fast path had none.
  // Cost: a magazine's refill, at most. Locks: one arena's at a time, if the magazine is empty.
  static void* allocate(Caches& caches, unsigned size_class) {
    if (void* const block = Supply::take_spare(Current::get(), size_class)) [[likely]] {
      return block;
    }
    if (ThreadCache* const cache = caches.own()) {
      // A cache that begins may have been another thread's, and hold something.
      void* block = cache->take(size_class);
      block = block == nullptr ? take_refilled(caches, *cache, size_class) : block;
      if (block != nullptr) [[likely]] {
        return block;
      }
    }
    return allocate_directly(caches, size_class);
  }

  // Takes a block back. Requires: `entry` is the page map's for `block`, of kind small. Faults if
  // it is seen to be free already, or no block: at the latest when it reaches its slab.
  [[gnu::always_inline]] static void release(Caches& caches, void* block, PageEntry entry) {
    if (!is_aligned(block, SizeClasses::kStep)) [[unlikely]] {
      raise_fault(Fault::misaligned_pointer, block);
    }
    ThreadCache& cache = Current::get();
    if (cache.is_one() && !cache.is_changing()) [[likely]] {
      release_through(caches, cache, block, entry);
    } else {
      release_at_first(caches, block, entry);
    }
  }

  // The usable bytes of a block. Faults if none begins there, or, named `if_freed`, if it was freed a
  // moment ago.
  static size_t usable_size(const void* block, PageEntry entry, Fault if_freed) {
    if (!is_aligned(block, SizeClasses::kStep)) [[unlikely]] {
      raise_fault(Fault::misaligned_pointer, block);
    }
    if (!SlabBank<Kernel>::is_slot(block, entry.size_class())) [[unlikely]] {
      raise_fault(Fault::invalid_pointer, block);
    }
    const ThreadCache& cache = Current::get();
    if (cache.is_one() && entry.owner() == cache.arena() &&
        cache.magazine(entry.size_class()).is_on_top(block)) [[unlikely]] {
      raise_fault(if_freed, block);
    }
    return SizeClasses::size_of(entry.size_class());
  }

 private:
  // So many blocks are released directly by a thread that never allocates before it gets a cache.
  static constexpr unsigned kFirstReleases = 32;

  // A thread that only ever releases a few blocks, perhaps in its very last moments when nobody tells of
  // its end any more, needs no cache.
  [[gnu::noinline]] static void release_at_first(Caches& caches, void* block, PageEntry entry) {
    const bool has_none = &Current::get() == &ThreadCache::none();
    const bool needs_none = has_none && ThreadNote::count_direct_release() < kFirstReleases;
    if (ThreadCache* const cache = needs_none ? nullptr : caches.own()) {
      release_through(caches, *cache, block, entry);
    } else {
      release_directly(caches, block, entry);
    }
  }

  [[gnu::always_inline]] static void release_through(Caches& caches, ThreadCache& cache,
                                                     void* block, PageEntry entry) {
    if (entry.owner() == cache.arena()) {
      release_mine(caches, cache, block, entry);
    } else {
      release_others(caches, cache, block, entry);
    }
  }

  // Returns a block if the bank has any, be there no room for more. Requires: both arrays are empty.
  [[gnu::noinline]] static void* take_refilled(Caches& caches, ThreadCache& cache,
                                               unsigned size_class) {
    Span fresh;
    void* block = nullptr;
    if (const Visit home = caches.arenas().visit_one(cache.arena())) {
      const ThreadCache::Changing changing(cache);
      fresh = caches.magazines().refill(*home.operator->(), cache, size_class);
      block = cache.take(size_class);
      block = block == nullptr ? home->take_slot(size_class) : block;
    }
    populate(fresh, cache, size_class);
    return block;
  }

  // The program is about to use all this, or most of it. Without the lock, for it takes long.
  static void populate(Span fresh, ThreadCache& cache, unsigned size_class) {
    const size_t page = Kernel::page_size();
    const Span pages(align_up(fresh.base, page), align_up(fresh.acme, page));
    if (pages.size() >= kMinPopulate && Kernel::populate(pages)) {
      cache.supply(size_class).populated =
          static_cast<uint16_t>(fresh.size() / SizeClasses::size_of(size_class));
    }
  }

  [[gnu::noinline]] static void release_mine(Caches& caches, ThreadCache& cache, void* block,
                                             PageEntry entry) {
    if (cache.put(entry, block)) {
      return;  // the cache is new, or the block is not near
    }
    const unsigned size_class = entry.size_class();
    if (cache.magazine(size_class).is_on_top(block)) {
      raise_fault(Fault::double_free, block);
    }
    if (!Supply::exchange_if_spare_is_empty(cache, size_class)) {
      if (const Visit home = caches.arenas().visit_soon(cache.arena())) {
        const ThreadCache::Changing changing(cache);
        caches.magazines().grow_or_flush(*home.operator->(), cache, size_class);
        if (!cache.put(entry, block)) {
          home->put_slot(block);
        }
        return;
      }
    }
    if (!cache.put(entry, block)) {
      release_directly(caches, block, entry);
    }
  }

  [[gnu::noinline]] static void release_others(Caches& caches, ThreadCache& cache, void* block,
                                               PageEntry entry) {
    if (cache.outbox().was_posted_last(block)) {
      raise_fault(Fault::double_free, block);
    }
    caches.post(cache, block, SizeClasses::size_of(entry.size_class()));
  }

  // ---- without a cache ----

  [[gnu::cold, gnu::noinline]] static void* allocate_directly(Caches& caches, unsigned size_class) {
    void* block = nullptr;
    {
      const Visit visit = caches.arenas().visit();
      block = visit->take_slot(size_class);
    }
    if (block == nullptr) {
      caches.arenas().visit_until([&](const Visit& visit) {
        block = visit->take_slot(size_class);
        return block != nullptr;
      });
    }
    return block;
  }

  [[gnu::cold, gnu::noinline]] static void release_directly(Caches& caches, void* block,
                                                            PageEntry entry) {
    if (const Visit visit = caches.arenas().visit_soon(entry.owner())) {
      visit->put_slot(block);
    } else {
      caches.arenas()[entry.owner()].leave_slot_waiting(block);
    }
  }
};

}  // namespace talc
