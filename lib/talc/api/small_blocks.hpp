// SmallBlocks: what happens to a small block when a thread's cache alone does not settle it.
//
//   allocate   nothing loaded     ──> the spare array ──> a refill, in a visit to the cache's arena
//   release    no room            ──> the spare array ──> larger arrays, or a flush, in a visit
//              another arena's    ──> the outbox
//
// Where there is no cache (a thread that has ended, a signal within a slow path, an arena that a
// fork has stopped) blocks come from any arena and go home one by one. A view of the caches, made for
// each call. Used by ProcessHeap, whose fast paths are ThreadCache's. docs/decisions/0008 has the
// reasons.
#pragma once

#include "talc/api/thread_caches.hpp"

namespace talc {

template <class Kernel>
class SmallBlocks {
 public:
  using Current = CurrentCache<Kernel>;
  using TheArena = Arena<Kernel>;
  using Visit = typename TheArena::Visit;
  using Supply = MagazineSupply<Kernel>;

  // A refill of untouched memory of that size has its pages populated in one system call.
  static constexpr size_t kMinPopulate = size_t{16} << 10;

  explicit SmallBlocks(ThreadCaches<Kernel>& caches) : caches_(caches) {}

  // Returns a block of the class, or null when memory is out. Requires: the fast path had none.
  // Cost: a magazine's refill, at most. Locks: one arena's at a time, if the magazine is empty.
  void* allocate(unsigned size_class) {
    if (void* const block = Supply::take_spare(Current::get(), size_class)) [[likely]] {
      return block;
    }
    if (ThreadCache* const cache = caches_.own()) {
      // A cache that begins may have been another thread's, and hold something.
      void* block = cache->take(size_class);
      block = block == nullptr ? take_refilled(*cache, size_class) : block;
      if (block != nullptr) [[likely]] {
        return block;
      }
    }
    return allocate_directly(size_class);
  }

  // Takes a block back. Requires: `entry` is the page map's for `block`, of kind small. Faults if
  // it is seen to be free already, or no block: at the latest when it reaches its slab.
  void release(void* block, PageEntry entry) {
    if (!is_aligned(block, SizeClasses::kStep)) [[unlikely]] {
      raise_fault(Fault::misaligned_pointer, block);
    }
    // A thread that only ever releases a few blocks, perhaps in its very last moments when nobody
    // tells of its end any more, needs no cache.
    const bool has_none = &Current::get() == &ThreadCache::none();
    const bool needs_none = has_none && ThreadNote::count_direct_release() < kFirstReleases;
    ThreadCache* const cache = needs_none ? nullptr : caches_.own();
    if (cache == nullptr) {
      release_directly(block, entry);
    } else if (entry.owner() == cache->arena()) {
      release_mine(*cache, block, entry);
    } else {
      release_others(*cache, block, entry);
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

  ArenaSet<Kernel>& arenas() { return caches_.arenas(); }

  // Returns a block if the bank has any. Requires: both arrays are empty.
  [[gnu::noinline]] void* take_refilled(ThreadCache& cache, unsigned size_class) {
    Span fresh;
    if (const Visit home = arenas().visit_one(cache.arena())) {
      const ThreadCache::Changing changing(cache);
      fresh = caches_.magazines().refill(*home.operator->(), cache, size_class);
    }
    populate(fresh);
    return cache.take(size_class);
  }

  // The program is about to use all this, or most of it. Without the lock, for it takes long.
  static void populate(Span fresh) {
    const size_t page = Kernel::page_size();
    const Span pages(align_up(fresh.base, page), align_up(fresh.acme, page));
    if (pages.size() >= kMinPopulate) {
      Kernel::populate(pages);
    }
  }

  [[gnu::noinline]] void release_mine(ThreadCache& cache, void* block, PageEntry entry) {
    if (cache.put(entry, block)) {
      return;  // the cache is new, or the block is not near
    }
    const unsigned size_class = entry.size_class();
    if (cache.magazine(size_class).is_on_top(block)) {
      raise_fault(Fault::double_free, block);
    }
    if (!Supply::exchange_if_spare_is_empty(cache, size_class)) {
      if (const Visit home = arenas().visit_soon(cache.arena())) {
        const ThreadCache::Changing changing(cache);
        caches_.magazines().grow_or_flush(*home.operator->(), cache, size_class);
      }
    }
    if (!cache.put(entry, block)) {
      release_directly(block, entry);
    }
  }

  [[gnu::noinline]] void release_others(ThreadCache& cache, void* block, PageEntry entry) {
    if (cache.outbox().was_posted_last(block)) {
      raise_fault(Fault::double_free, block);
    }
    caches_.post(cache, block, SizeClasses::size_of(entry.size_class()));
  }

  // ---- without a cache ----

  [[gnu::cold, gnu::noinline]] void* allocate_directly(unsigned size_class) {
    void* block = nullptr;
    {
      const Visit visit = arenas().visit();
      block = visit->take_slot(size_class);
    }
    if (block == nullptr) {
      arenas().visit_until([&](const Visit& visit) {
        block = visit->take_slot(size_class);
        return block != nullptr;
      });
    }
    return block;
  }

  [[gnu::cold, gnu::noinline]] void release_directly(void* block, PageEntry entry) {
    if (const Visit visit = arenas().visit_soon(entry.owner())) {
      visit->put_slot(block);
    } else {
      arenas()[entry.owner()].leave_slot_waiting(block);
    }
  }

  ThreadCaches<Kernel>& caches_;
};

}  // namespace talc
