// SmallBlocks: what happens to a small block when a thread's cache alone does not settle it.
//
//   allocate   take array empty ──> swap with the put array ──> refill from the arena's bank
//   release    put array full   ──> swap, grow, or flush its older half to the bank
//              another arena's  ──> outbox ── full ──> home, an arena at a time, under its lock
//   thread begins: a cache of the arena with the fewest threads   ends: everything goes home
//
// Where there is no cache (a thread that has ended, a signal within a slow path, an arena that a
// fork has stopped) blocks come from any arena and go home one by one. Magazines grow with use, as
// long as all of them together hold no more than a budget. Used by ProcessHeap, whose fast paths
// are ThreadCache's. docs/decisions/0008 has the reasons.
#pragma once

#include "talc/api/arena_set.hpp"
#include "talc/os/thread_exit.hpp"

namespace talc {

template <class Kernel>
class SmallBlocks {
 public:
  using Map = PageMap<Kernel>;
  using Current = CurrentCache<Kernel>;
  using TheArena = Arena<Kernel>;
  using Visit = typename TheArena::Visit;

  // What magazines may grow to hold: this, or that share of what is mapped, if it is more. The more
  // of it is granted, the smaller are arrays allowed to become. Beyond it, magazines of the smallest
  // classes still get kLeastCapacity, some 25 KiB a thread.
  static constexpr size_t kMinBudget = size_t{32} << 20;
  static constexpr size_t kBudgetShare = 20;
  static constexpr unsigned kLeastCapacity = 4;
  static constexpr size_t kMaxLeastSize = 512;

  constexpr explicit SmallBlocks(ArenaSet<Kernel>& arenas) : arenas_(arenas) {}

  // Returns a block of the class, or null when memory is out. Cost: a magazine's refill, at most.
  // Locks: one arena's at a time, if the magazine is empty.
  void* allocate(unsigned size_class) {
    if (void* const block = take_swapped(Current::get(), size_class)) [[likely]] {
      return block;
    }
    if (ThreadCache* const cache = own_cache()) {
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
    ThreadCache* const cache = needs_none ? nullptr : own_cache();
    if (cache == nullptr) {
      release_directly(block, entry);
    } else if (entry.owner() == cache->arena()) {
      release_mine(*cache, block, entry);
    } else {
      release_others(*cache, block, entry);
    }
  }

  // The usable bytes of a block. Faults if none begins there, or it was freed a moment ago.
  static size_t usable_size(const void* block, PageEntry entry) {
    if (!is_aligned(block, SizeClasses::kStep)) [[unlikely]] {
      raise_fault(Fault::misaligned_pointer, block);
    }
    if (!SlabBank<Kernel>::is_slot(block)) [[unlikely]] {
      raise_fault(Fault::invalid_pointer, block);
    }
    const ThreadCache& cache = Current::get();
    if (cache.is_one() && entry.owner() == cache.arena() &&
        cache.magazine(entry.size_class()).was_put_last(block)) [[unlikely]] {
      raise_fault(Fault::use_after_free, block);
    }
    return SizeClasses::size_of(entry.size_class());
  }

  // ---- middle blocks that the thread keeps ----

  // Returns a middle block of at least `size` bytes, or null.
  static void* take_hot(size_t size) {
    ThreadCache& cache = Current::get();
    size_t usable = 0;
    const bool may_take = cache.is_one() && !cache.is_changing();
    void* const block = may_take ? cache.hot().take(size, usable) : nullptr;
    if (block != nullptr) {
      TheArena::mark(block, usable, BlockPrefix::State::live);
      cache.hot_allocations().store(cache.hot_allocations().load(std::memory_order_relaxed) + 1,
                                    std::memory_order_relaxed);
    }
    return block;
  }

  // Keeps a middle block of this thread's arena, if there is room. Requires: Arena::usable_size told
  // `usable`.
  static bool put_hot(unsigned arena, void* block, size_t usable) {
    ThreadCache& cache = Current::get();
    if (cache.arena() != arena || cache.is_changing() || !cache.hot().put(block, usable)) {
      return false;
    }
    TheArena::mark(block, usable, BlockPrefix::State::freed);
    return true;
  }

  // The end of this thread: all that it has goes home, and its cache waits for another thread.
  void end_thread(ThreadCache& cache) {
    Current::set(ThreadCache::none());
    ThreadNote::set_ended();
    const ThreadCache::Changing changing(cache);
    empty(cache);
    TheArena& home = arenas_[cache.arena()];
    home.users().fetch_sub(1, std::memory_order_relaxed);
    if (const Visit visit = arenas_.visit_one(cache.arena())) {
      visit->push_free_cache(&cache);
    } else {
      home.leave_cache_waiting(&cache);  // with what it holds
    }
  }

  // Sends what this thread's cache holds home.
  void empty_own() {
    ThreadCache& cache = Current::get();
    if (cache.is_one() && !cache.is_changing()) {
      const ThreadCache::Changing changing(cache);
      empty(cache);
    }
  }

  // Sends home what the caches that wait for a thread still hold: of threads that a fork stopped, or
  // that ended while their arena was busy.
  void empty_free_caches() {
    for (unsigned i = 0; i < arenas_.count(); ++i) {
      const Visit home = arenas_.visit_one(i);
      for (ThreadCache* cache = home ? home->free_caches() : nullptr; cache != nullptr;
           cache = cache->next_free) {
        empty_magazines(*home.operator->(), *cache);
        for (unsigned k = 0; k < cache->outbox_count(); ++k) {
          arenas_[owner_of(cache->outbox(k))].leave_slot_waiting(cache->outbox(k));
        }
        cache->shrink_outbox(0);
      }
    }
  }

  // In the child of a fork: the caches of the threads that are gone wait for new ones, but those
  // that were being changed, or whose arena is abandoned, which are lost.
  void adopt_in_child() {
    const ThreadCache* const mine = &Current::get();
    for (unsigned i = 0; i < arenas_.count(); ++i) {
      arenas_[i].users().store(mine->arena() == i ? 1 : 0, std::memory_order_relaxed);
    }
    for_each_cache([&](ThreadCache& cache) {
      TheArena& arena = arenas_[cache.arena()];
      if (&cache != mine && !cache.is_changing() && !arena.lock().is_abandoned()) {
        arena.push_free_cache(&cache);
      }
    });
    if (mine->is_one() && arenas_[mine->arena()].lock().is_abandoned()) {
      Current::set(ThreadCache::none());
    }
  }

  // Exact when no other thread is at work. Requires: a visit to `arena`, or nobody can have one.
  struct Stats {
    size_t allocations = 0;
    size_t live = 0;        // blocks
    size_t live_bytes = 0;  // of their slots
    size_t hot = 0;         // middle blocks that threads keep
    size_t hot_bytes = 0;   // usable ones
    size_t cached_bytes = 0;
    size_t in_transit_bytes = 0;
  };
  Stats stats_of(TheArena& arena) const {
    Stats stats;
    size_t out[SizeClasses::kCount];
    for (unsigned i = 0; i < SizeClasses::kCount; ++i) {
      out[i] = arena.bank().slots_out(i);
    }
    stats.allocations = arena.direct_allocations();
    for_each_cache([&](const ThreadCache& cache) { count_out(cache, arena.index(), stats, out); });
    for (unsigned i = 0; i < SizeClasses::kCount; ++i) {
      out[i] = out[i] > ~size_t{0} / 2 ? 0 : out[i];  // seen while it changed
      stats.live += out[i];
      stats.live_bytes += out[i] * SizeClasses::size_of(i);
    }
    return stats;
  }

 private:
  // ---- caches ----

  // So many blocks are released directly by a thread that never allocates before it gets a cache.
  static constexpr unsigned kFirstReleases = 32;

  // Null if this thread must do without.
  ThreadCache* own_cache() {
    ThreadCache& cache = Current::get();
    if (cache.is_one()) [[likely]] {
      return cache.is_changing() ? nullptr : &cache;
    }
    return ThreadNote::has_ended() ? nullptr : begin_thread();
  }

  [[gnu::cold, gnu::noinline]] ThreadCache* begin_thread() {
    const unsigned index = arenas_.choose_home();
    ThreadCache* cache = nullptr;
    if (const Visit home = arenas_.visit_one(index)) {
      cache = home->pop_free_cache();
      if (cache == nullptr) {
        cache = make_cache(*home.operator->());
      }
    }
    if (cache != nullptr) {
      arenas_[index].users().fetch_add(1, std::memory_order_relaxed);
      ThreadNote::set_arena(index);
      Current::set(*cache);
      cache->set_changing(false);
      ThreadExit::arm(cache);  // may allocate
    }
    return cache;
  }

  ThreadCache* make_cache(TheArena& home) {
    void* const memory = home.take_chunk(sizeof(ThreadCache), alignof(ThreadCache));
    if (memory == nullptr) {
      return nullptr;
    }
    auto* const cache = new (kPlacement, memory) ThreadCache(home.index());
    cache->next = caches_.load(std::memory_order_relaxed);
    while (!caches_.compare_exchange_weak(cache->next, cache, std::memory_order_release,
                                          std::memory_order_relaxed)) {
    }
    return cache;
  }

  template <class F>
  void for_each_cache(F f) const {
    for (ThreadCache* cache = caches_.load(std::memory_order_acquire); cache != nullptr;
         cache = cache->next) {
      f(*cache);
    }
  }

  // Requires: the cache is marked as being changed.
  void empty(ThreadCache& cache) {
    if (const Visit home = arenas_.visit_one(cache.arena())) {
      empty_magazines(*home.operator->(), cache);
    }
    send_home(cache);
  }

  void empty_magazines(TheArena& home, ThreadCache& cache) {
    for (unsigned i = 0; i < SizeClasses::kCount; ++i) {
      empty_magazine(home, cache, i);
    }
    cache.hot().empty([&](void* block, size_t usable) { home.free_marked(block, usable); });
  }

  void empty_magazine(TheArena& home, ThreadCache& cache, unsigned size_class) {
    Magazine& magazine = cache.magazine(size_class);
    ThreadCache::Supply& supply = cache.supply(size_class);
    const unsigned taken = magazine.take_depth();
    home.put_slots(magazine.take_begin(), taken);
    home.put_slots(magazine.put_begin(supply.capacity), magazine.put_depth(supply.capacity));
    supply.filled.store(supply.filled.load(std::memory_order_relaxed) - taken,
                        std::memory_order_relaxed);
    if (void* const arrays = magazine.detach(supply.capacity)) {
      home.return_chunk(arrays, Magazine::array_bytes(supply.capacity));
      granted_.fetch_sub(held_by(size_class, supply.capacity), std::memory_order_relaxed);
    }
    supply.capacity = supply.next_refill = 0;
  }

  // ---- magazines ----

  // The bytes that the two arrays of a magazine may hold.
  static size_t held_by(unsigned size_class, unsigned capacity) {
    return 2 * size_t{capacity} * SizeClasses::size_of(size_class);
  }

  static void add_filled(ThreadCache::Supply& supply, unsigned count) {
    supply.filled.store(supply.filled.load(std::memory_order_relaxed) + count,
                        std::memory_order_relaxed);
  }

  static void swap(Magazine& magazine, ThreadCache::Supply& supply) {
    magazine.swap(supply.capacity);
    add_filled(supply, magazine.take_depth());
  }

  // Returns a block if there is one in the put array: a program that frees as much as it allocates
  // needs no more than this. Requires: the take array is empty.
  static void* take_swapped(ThreadCache& cache, unsigned size_class) {
    Magazine& magazine = cache.magazine(size_class);
    ThreadCache::Supply& supply = cache.supply(size_class);
    if (magazine.put_depth(supply.capacity) == 0 || cache.is_changing()) {
      return nullptr;
    }
    const ThreadCache::Changing changing(cache);
    swap(magazine, supply);
    return magazine.take();
  }

  // Returns a block if the bank has any. Requires: both arrays are empty.
  [[gnu::noinline]] void* take_refilled(ThreadCache& cache, unsigned size_class) {
    if (const Visit home = arenas_.visit_one(cache.arena())) {
      const ThreadCache::Changing changing(cache);
      refill(*home.operator->(), cache, size_class);
    }
    return cache.take(size_class);
  }

  // Requires: the take array is empty.
  void refill(TheArena& home, ThreadCache& cache, unsigned size_class) {
    Magazine& magazine = cache.magazine(size_class);
    ThreadCache::Supply& supply = cache.supply(size_class);
    if (supply.next_refill >= supply.capacity) {
      grow(home, cache, size_class);
    }
    const unsigned capacity = supply.capacity;
    const unsigned wanted = supply.next_refill < capacity ? supply.next_refill : capacity;
    void** const begin = magazine.take_begin();
    const unsigned taken = home.take_slots(size_class, wanted, begin + wanted);
    if (taken < wanted) {
      __builtin_memmove(begin, begin + wanted - taken, taken * sizeof(void*));
    }
    magazine.set_take_depth(taken);
    add_filled(supply, taken);
    supply.next_refill = static_cast<uint16_t>(2 * wanted);
  }

  // Doubles a magazine's arrays, or gives it its first. Returns whether they have grown: not beyond
  // the class's limit, nor the budget of all, nor without memory.
  bool grow(TheArena& home, ThreadCache& cache, unsigned size_class) {
    Magazine& magazine = cache.magazine(size_class);
    ThreadCache::Supply& supply = cache.supply(size_class);
    const unsigned limit = capacity_limit(size_class);
    unsigned wanted =
        supply.capacity == 0 ? ThreadCache::first_capacity(size_class) : 2U * supply.capacity;
    wanted = wanted < limit ? wanted : limit;
    if (wanted <= supply.capacity) {
      return false;
    }
    const size_t added = held_by(size_class, wanted - supply.capacity);
    void* const memory = home.take_chunk(Magazine::array_bytes(wanted), kWordSize);
    if (memory == nullptr) {
      return false;
    }
    if (void* const old = magazine.attach(memory, wanted, supply.capacity)) {
      home.return_chunk(old, Magazine::array_bytes(supply.capacity));
    } else {
      supply.next_refill = static_cast<uint16_t>(wanted / 2);
    }
    supply.capacity = static_cast<uint16_t>(wanted);
    granted_.fetch_add(added, std::memory_order_relaxed);
    return true;
  }

  // What an array of the class may have now.
  unsigned capacity_limit(unsigned size_class) const {
    const size_t share = Footprint<Kernel>::mapped_bytes() / kBudgetShare;
    const size_t quarter = (share < kMinBudget ? kMinBudget : share) / 4;
    const size_t granted = granted_.load(std::memory_order_relaxed);
    if (granted >= 4 * quarter) {
      return SizeClasses::size_of(size_class) <= kMaxLeastSize ? kLeastCapacity : 0;
    }
    const unsigned limit = ThreadCache::max_capacity(size_class) >> (granted / quarter);
    return limit == 0 ? 1 : limit;
  }

  // ---- the way home ----

  [[gnu::noinline]] void release_mine(ThreadCache& cache, void* block, PageEntry entry) {
    if (cache.put(entry, block)) {
      return;  // the cache is new
    }
    const unsigned size_class = entry.size_class();
    if (cache.magazine(size_class).was_put_last(block)) {
      raise_fault(Fault::double_free, block);
    }
    make_room(cache, size_class);
    if (!cache.put(entry, block)) {
      release_directly(block, entry);
    }
  }

  void make_room(ThreadCache& cache, unsigned size_class) {
    Magazine& magazine = cache.magazine(size_class);
    ThreadCache::Supply& supply = cache.supply(size_class);
    if (magazine.take_depth() == 0 && supply.capacity != 0) {
      const ThreadCache::Changing changing(cache);
      swap(magazine, supply);
    } else if (const Visit home = arenas_.visit_soon(cache.arena())) {
      const ThreadCache::Changing changing(cache);
      if (!grow(*home.operator->(), cache, size_class) && supply.capacity != 0) {
        flush_older_half(*home.operator->(), magazine, supply.capacity);
      }
    }
  }

  void flush_older_half(TheArena& home, Magazine& magazine, unsigned capacity) {
    void** const begin = magazine.put_begin(capacity);
    const unsigned older = (capacity + 1) / 2;
    home.put_slots(begin, older);
    __builtin_memmove(begin, begin + older, (capacity - older) * sizeof(void*));
    magazine.set_put_depth(capacity - older, capacity);
  }

  [[gnu::noinline]] void release_others(ThreadCache& cache, void* block, PageEntry entry) {
    if (cache.was_posted_last(block)) {
      raise_fault(Fault::double_free, block);
    }
    if (cache.post(block, SizeClasses::size_of(entry.size_class()))) [[unlikely]] {
      const ThreadCache::Changing changing(cache);
      send_home(cache);
    }
  }

  // Empties the outbox, the blocks of one arena at a time.
  void send_home(ThreadCache& cache) {
    while (cache.outbox_count() != 0) {
      const unsigned owner = owner_of(cache.outbox(0));
      const Visit home = arenas_.visit_soon(owner);
      unsigned kept = 0;
      for (unsigned i = 0; i < cache.outbox_count(); ++i) {
        void* const block = cache.outbox(i);
        if (owner_of(block) != owner) {
          cache.set_outbox_at(kept++, block);
        } else if (home) {
          home->put_slot(block);
        } else {
          arenas_[owner].leave_slot_waiting(block);
        }
      }
      cache.shrink_outbox(kept);
    }
  }

  static unsigned owner_of(const void* block) {
    const PageEntry entry = Map::get(block);
    if (entry.kind() != PageEntry::Kind::small) {
      raise_fault(Fault::double_free, block);  // its slab has ended meanwhile
    }
    return entry.owner();
  }

  // ---- without a cache ----

  [[gnu::cold, gnu::noinline]] void* allocate_directly(unsigned size_class) {
    void* block = nullptr;
    {
      const Visit visit = arenas_.visit();
      block = visit->take_slot(size_class);
    }
    if (block == nullptr) {
      arenas_.visit_until([&](const Visit& visit) {
        block = visit->take_slot(size_class);
        return block != nullptr;
      });
    }
    return block;
  }

  [[gnu::cold, gnu::noinline]] void release_directly(void* block, PageEntry entry) {
    TheArena& home = arenas_[entry.owner()];
    if (const Visit visit = arenas_.visit_soon(entry.owner())) {
      visit->put_slot(block);
    } else {
      home.leave_slot_waiting(block);
    }
  }

  // Takes out of `out` what `cache` has of the arena's slots.
  static void count_out(const ThreadCache& cache, unsigned arena, Stats& stats, size_t* out) {
    if (cache.arena() == arena) {
      cache.hot().add_to(stats.hot, stats.hot_bytes);
      stats.allocations += cache.hot_allocations();
    }
    for (unsigned i = 0; i < SizeClasses::kCount && cache.arena() == arena; ++i) {
      const size_t cached = cache.cached(i);
      out[i] -= cached;
      stats.allocations += cache.allocations(i);
      stats.cached_bytes += cached * SizeClasses::size_of(i);
    }
    for (unsigned i = 0; i < cache.outbox_count(); ++i) {
      const PageEntry entry = Map::get(cache.outbox(i));
      if (entry.kind() == PageEntry::Kind::small && entry.owner() == arena) {
        out[entry.size_class()] -= 1;
        stats.in_transit_bytes += SizeClasses::size_of(entry.size_class());
      }
    }
  }

  ArenaSet<Kernel>& arenas_;
  std::atomic<ThreadCache*> caches_{nullptr};
  std::atomic<size_t> granted_{0};  // bytes that all magazines may hold
};

}  // namespace talc
