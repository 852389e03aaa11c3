// ThreadCaches: the caches of all threads, from a thread's first block to its end and beyond.
//
//   a thread begins: a cache of the arena with the fewest threads, one that another left, or new
//   it ends: everything goes home, and the cache waits at its arena for the next thread
//   fork: the child takes over the caches of the threads that it does not have
//
// A thread that has ended, or is in a signal handler within a slow path, gets none. Caches are never
// given back; all of them are in one list, which statistics walk. Used by ProcessHeap, SmallBlocks
// and MiddleBlocks.
#pragma once

#include "talc/api/magazine_supply.hpp"
#include "talc/api/posted_blocks.hpp"
#include "talc/api/process_stats.hpp"
#include "talc/os/thread_exit.hpp"

namespace talc {

// What caches hold of one arena, or have had of it. Exact when no other thread is at work.
struct CachedBlocks {
  size_t small_allocations = 0;  // ever
  size_t hot_allocations = 0;    // of hot blocks, ever
  size_t small = 0;              // small blocks that are live
  size_t small_bytes = 0;        // of their slots
  size_t cached_bytes = 0;       // of slots in magazines
  size_t populated_bytes = 0;    // of these, what was populated and perhaps never handed out
  size_t posted_bytes = 0;       // of slots in outboxes
  size_t hot = 0;                // middle blocks that threads keep
  size_t hot_bytes = 0;          // usable ones
  size_t middle_posted = 0;
  size_t middle_posted_bytes = 0;

  // With the two words that a middle block costs: its prefix and the engine's tag.
  static constexpr size_t kMiddleOverhead = BlockPrefix::kSize + kTagSize;
  size_t hot_active() const { return hot_bytes + hot * kMiddleOverhead; }
  size_t posted_active() const { return middle_posted_bytes + middle_posted * kMiddleOverhead; }
};

template <class Kernel>
class ThreadCaches {
 public:
  using Map = PageMap<Kernel>;
  using Current = CurrentCache<Kernel>;
  using TheArena = Arena<Kernel>;
  using Visit = typename TheArena::Visit;

  constexpr ThreadCaches() = default;

  ArenaSet<Kernel>& arenas() { return arenas_; }
  MagazineSupply<Kernel>& magazines() { return magazines_; }

  // The cache of this thread, which begins to have one. Null if it must do without.
  ThreadCache* own() {
    ThreadCache& cache = Current::get();
    if (cache.is_one()) [[likely]] {
      return cache.is_changing() ? nullptr : &cache;
    }
    return ThreadNote::has_ended() ? nullptr : begin_thread();
  }

  // Posts a block of another arena; if the outbox is full then, and may not become larger, all that it
  // holds goes home. Requires: size_bytes ≤ Outbox::kMaxSize; a middle block was made to wait.
  void post(ThreadCache& cache, void* block, size_t size_bytes) {
    if (cache.outbox().post(block, size_bytes)) [[unlikely]] {
      make_room(cache);
    }
  }

  // Lets a cache keep as much as it does and a block of that size beside, or more. False: it may do so
  // already, or not have more.
  bool grow_hot(HotBlocks& hot, size_t size_bytes) {
    if (!hot.needs_more_for(size_bytes)) {
      return false;
    }
    const size_t needed = hot.bytes() + size_bytes;
    hot.set_limit(hot_budget_.raise(hot.limit(), needed, 2 * needed, most_hot()));
    return hot.limit() >= needed;
  }

  // The end of this thread: all that it has goes home, and its cache waits for another thread.
  void end_thread(ThreadCache& cache) {
    Current::set(ThreadCache::none());
    ThreadNote::set_ended();
    cache.set_used(false);
    {
      const ThreadCache::Changing changing(cache);
      empty(cache, arenas_.visit_one(cache.arena()), Arrays::park);
    }
    TheArena& home = arenas_[cache.arena()];
    home.users().fetch_sub(1, std::memory_order_relaxed);
    if (const Visit visit = arenas_.visit_one(cache.arena())) {
      visit->push_free_cache(&cache);
    } else {
      home.leave_cache_waiting(&cache);  // with what it holds
    }
  }

  // Sends what this thread's cache holds home, though its arena be busy for long: others may trim it,
  // and what stays in a cache may keep a whole heap from going back.
  void empty_own() {
    ThreadCache& cache = Current::get();
    if (cache.is_one() && !cache.is_changing()) {
      const ThreadCache::Changing changing(cache);
      empty(cache, arenas_[cache.arena()].visit_within(kTrimPatienceMs), Arrays::give_back);
    }
  }

  // Sends home what the caches that wait for a thread still hold: of threads that ended while their
  // arena was busy.
  void empty_free() {
    for (unsigned i = 0; i < arenas_.count(); ++i) {
      const Visit home = arenas_.visit_one(i);
      for (ThreadCache* cache = home ? home->free_caches() : nullptr; cache != nullptr;
           cache = cache->next_free) {
        magazines_.empty_all(*home.operator->(), *cache);
        empty_hot(*home.operator->(), *cache);
        PostedBlocks<Kernel>::leave_all_waiting(arenas_, cache->outbox());
        shrink_outbox(cache->outbox());
      }
    }
  }

  // In the child of a fork: the caches of the threads that are gone are lost, with what they hold. They
  // were copied a page at a time while those threads went on, so that an array may name a block that
  // was handed out since, and which the child relies on.
  void begin_in_child() {
    const ThreadCache* const mine = &Current::get();
    magazines_.restart_budget();
    hot_budget_.restart();
    outbox_budget_.restart();
    for (ThreadCache* cache = newest(); cache != nullptr; cache = cache->next) {
      if (cache == mine || !cache->is_used()) {
        magazines_.grant_again(*cache);
        hot_budget_.grant(cache->hot().limit());
        outbox_budget_.grant(cache->outbox().limit() - Outbox::kLeastBytes);
      }
      cache->set_used(cache == mine);
    }
    for (unsigned i = 0; i < arenas_.count(); ++i) {
      arenas_[i].users().store(mine->arena() == i ? 1 : 0, std::memory_order_relaxed);
    }
    if (mine->is_one() && arenas_[mine->arena()].lock().is_abandoned()) {
      Current::set(ThreadCache::none());
    }
  }

  // The cache made last; each leads to the one made before it.
  ThreadCache* newest() const { return all_.load(std::memory_order_acquire); }

  // What caches hold of one arena; of `detail`, adds what it says of classes and threads. Without a visit
  // to `arena` it follows nothing that may change: what finer classes have borrowed of coarser ones is
  // theirs then. Requires: with `detail`, a visit. Cost: linear in the number of caches.
  CachedBlocks count(TheArena& arena, bool has_visit, HeapDetail* detail = nullptr) const {
    CachedBlocks blocks;
    SlotCounts slots;
    for (unsigned i = 0; i < SizeClasses::kCount; ++i) {
      slots.out[i] = arena.bank().slots_out(i);
      blocks.small_allocations += arena.direct_allocations(i);
    }
    unsigned index = 0;
    const ThreadCache* cache = detail == nullptr ? newest() : detail->newest_cache;
    for (; cache != nullptr; cache = cache->next, ++index) {
      const CachedBlocks before = blocks;
      if (cache->arena() == arena.index()) {
        count_own(*cache, has_visit, blocks, slots);
      }
      count_hot(cache->hot(), arena.index(), blocks);
      count_posted(cache->outbox(), arena.index(), blocks, slots);
      if (detail != nullptr && index < HeapDetail::kMaxThreads) {
        add_thread(*cache, before, blocks, detail->threads[index]);
      }
    }
    for (unsigned i = 0; i < SizeClasses::kCount; ++i) {
      const size_t live = slots.out[i] - slots.cached[i] - slots.posted[i];
      const bool was_changing = live > ~size_t{0} / 2;
      blocks.small += was_changing ? 0 : live;
      blocks.small_bytes += was_changing ? 0 : live * SizeClasses::size_of(i);
    }
    if (detail != nullptr) {
      add_classes(arena, slots, *detail);
    }
    return blocks;
  }

  // f(slot) for each small slot of `arena` that is free in a magazine, in an outbox or on the waiting
  // list. Requires: a visit to `arena`, or nobody can have one. Cost: linear in the number of caches.
  template <class F>
  void for_each_free_slot(TheArena& arena, F f) const {
    const unsigned index = arena.index();
    for (const ThreadCache* cache = newest(); cache != nullptr; cache = cache->next) {
      for (unsigned i = 0; cache->arena() == index && i < SizeClasses::kCount; ++i) {
        cache->for_each_cached(i, f);
      }
      const Outbox& outbox = cache->outbox();
      for (unsigned i = 0; i < outbox.count(); ++i) {
        const void* const block = outbox.block(i);
        const PageEntry entry = Map::get(block);
        if (entry.kind() == PageEntry::Kind::small && entry.owner() == index) {
          f(block);
        }
      }
    }
    arena.for_each_waiting_slot(f);
  }

 private:
  static constexpr unsigned kTrimPatienceMs = 1000;

  [[gnu::cold, gnu::noinline]] ThreadCache* begin_thread() {
    const unsigned index = arenas_.choose_home();
    ThreadCache* cache = nullptr;
    if (const Visit home = arenas_.visit_one(index)) {
      cache = home->pop_free_cache();
      if (cache == nullptr) {
        cache = make(*home.operator->());
      } else {
        magazines_.unpark(*home.operator->(), *cache);
      }
    }
    if (cache == nullptr) {
      arenas_[index].users().fetch_sub(1, std::memory_order_relaxed);
      return nullptr;
    }
    ThreadNote::set_arena(index);
    Current::set(*cache);
    cache->set_used(true);
    cache->set_changing(false);
    ThreadExit::arm(cache);  // may allocate
    return cache;
  }

  ThreadCache* make(TheArena& home) {
    void* const memory = home.take_chunk(sizeof(ThreadCache), alignof(ThreadCache));
    if (memory == nullptr) {
      return nullptr;
    }
    auto* const cache = new (kPlacement, memory) ThreadCache(home.index(), Map::near_base());
    push_front(all_, cache, &ThreadCache::next);
    return cache;
  }

  // What becomes of a magazine's arrays when their slots have gone home.
  enum class Arrays : bool { give_back, park };

  // Requires: the cache is marked as being changed.
  void empty(ThreadCache& cache, Visit home, Arrays arrays) {
    if (home) {
      if (arrays == Arrays::park) {
        magazines_.park(*home.operator->(), cache);
      } else {
        magazines_.empty_all(*home.operator->(), cache);
      }
      empty_hot(*home.operator->(), cache);
    }
    home = Visit();
    PostedBlocks<Kernel>::send_home(arenas_, cache.outbox());
    shrink_outbox(cache.outbox());
  }

  [[gnu::noinline]] void make_room(ThreadCache& cache) {
    Outbox& outbox = cache.outbox();
    const size_t limit = outbox.limit();
    outbox.set_limit(outbox_budget_.raise(limit, limit + 1, 2 * limit, Outbox::kMaxBytes));
    if (outbox.is_full()) {
      const ThreadCache::Changing changing(cache);
      PostedBlocks<Kernel>::send_home(arenas_, outbox);
    }
  }

  void shrink_outbox(Outbox& outbox) {
    outbox_budget_.give_back(outbox.limit() - Outbox::kLeastBytes);
    outbox.set_limit(Outbox::kLeastBytes);
  }

  void empty_hot(TheArena& home, ThreadCache& cache) {
    cache.hot().empty([&](void* block, size_t usable) {
      const unsigned arena = Map::get(block).arena();
      if (arena == home.index()) {
        home.free_marked(block, usable);
      } else {
        arenas_[arena].release_marked(block, usable);
      }
    });
    hot_budget_.give_back(cache.hot().limit());
    cache.hot().set_limit(0);
  }

  // ---- counting ----

  // Slots of an arena by class: out of its slabs, and of these in magazines, in outboxes.
  struct SlotCounts {
    size_t out[SizeClasses::kCount];
    uint32_t cached[SizeClasses::kCount] = {};
    uint32_t posted[SizeClasses::kCount] = {};
    uint32_t borrowed[SizeClasses::kCount] = {};  // of the coarse class, in magazines of this one
  };

  static void count_own(const ThreadCache& cache, bool has_visit, CachedBlocks& blocks,
                        SlotCounts& slots) {
    blocks.hot_allocations += cache.hot_allocations();
    for (unsigned i = 0; i < SizeClasses::kCount; ++i) {
      const size_t cached = cache.cached(i);
      slots.cached[i] += static_cast<uint32_t>(cached);
      blocks.small_allocations += cache.magazine(i).taken();
      blocks.cached_bytes += cached * SizeClasses::size_of(i);
      blocks.populated_bytes += cache.populated(i) * SizeClasses::size_of(i);
      if (has_visit && SizeClasses::coarse_of(i) != i) {
        count_borrowed(cache, i, blocks, slots);
      }
    }
  }

  // Of the slots in this magazine those that are of the coarse class were taken for its own.
  static void count_borrowed(const ThreadCache& cache, unsigned size_class, CachedBlocks& blocks,
                             SlotCounts& slots) {
    const unsigned coarse = SizeClasses::coarse_of(size_class);
    const PageEntry lender = PageEntry::small(cache.arena(), coarse);
    cache.for_each_cached(size_class, [&](const void* block) {
      if (Map::get(block) == lender) {
        slots.cached[size_class] -= 1;
        slots.cached[coarse] += 1;
        slots.borrowed[size_class] += 1;
        blocks.cached_bytes += SizeClasses::size_of(coarse) - SizeClasses::size_of(size_class);
      }
    });
  }

  static void count_hot(const HotBlocks& hot, unsigned arena, CachedBlocks& blocks) {
    if (hot.bytes() != 0) {
      hot.for_each([&](const void* block, size_t usable) {
        const bool is_of_arena = Map::get(block) == PageEntry::heap(arena);
        blocks.hot += is_of_arena ? 1 : 0;
        blocks.hot_bytes += is_of_arena ? usable : 0;
      });
    }
  }

  static void count_posted(const Outbox& outbox, unsigned arena, CachedBlocks& blocks,
                           SlotCounts& slots) {
    for (unsigned i = 0; i < outbox.count(); ++i) {
      const PageEntry entry = Map::get(outbox.block(i));
      if (entry.kind() == PageEntry::Kind::small && entry.owner() == arena) {
        slots.posted[entry.size_class()] += 1;
        blocks.posted_bytes += SizeClasses::size_of(entry.size_class());
      } else if (entry.kind() == PageEntry::Kind::heap && entry.arena() == arena) {
        blocks.middle_posted += 1;
        blocks.middle_posted_bytes += outbox.size_bytes(i);
      }
    }
  }

  // What this cache added to `before`.
  static void add_thread(const ThreadCache& cache, const CachedBlocks& before,
                         const CachedBlocks& blocks, ThreadStats& thread) {
    const size_t hot = blocks.hot_active() - before.hot_active();
    thread.arena = cache.arena();
    thread.is_active = cache.is_used();
    thread.hot += hot;
    thread.cached += blocks.cached_bytes - before.cached_bytes + hot;
    thread.in_transit +=
        blocks.posted_bytes - before.posted_bytes + blocks.posted_active() - before.posted_active();
  }

  void add_classes(TheArena& arena, const SlotCounts& slots, HeapDetail& detail) const {
    for (unsigned i = 0; i < SizeClasses::kCount; ++i) {
      ClassStats& stats = detail.classes[i];
      const size_t cached = slots.cached[i];
      const size_t posted = slots.posted[i];
      stats.slabs += arena.bank().slabs(i);
      stats.slots += arena.bank().slots(i);
      stats.free += arena.bank().slots(i) - slots.out[i];
      stats.cached += cached;
      stats.in_transit += posted;
      stats.live += slots.out[i] < cached + posted ? 0 : slots.out[i] - cached - posted;
      stats.allocations += arena.direct_allocations(i);
    }
    for (const ThreadCache* cache = detail.newest_cache; cache != nullptr; cache = cache->next) {
      for (unsigned i = 0; i < SizeClasses::kCount && cache->arena() == arena.index(); ++i) {
        detail.classes[i].allocations += cache->magazine(i).taken();
      }
    }
    move_lent(arena, slots, detail);
  }

  // Allocations were counted by the class that was asked for. What was lent to it and is in no magazine
  // was handed out, and counts where it will be freed.
  static void move_lent(TheArena& arena, const SlotCounts& slots, HeapDetail& detail) {
    for (unsigned i = 0; i < SizeClasses::kCount; ++i) {
      const size_t lent = arena.bank().lent(i);
      // A thread at work may show a magazine that is empty, or full, for a moment.
      const size_t seen = lent < slots.borrowed[i] ? 0 : lent - slots.borrowed[i];
      const size_t handed_out = smaller(seen, detail.classes[i].allocations);
      detail.classes[i].allocations -= handed_out;
      detail.classes[SizeClasses::coarse_of(i)].allocations += handed_out;
    }
  }

  // What a thread may keep: a large process more than a small one.
  static size_t most_hot() {
    const size_t share = Footprint<Kernel>::mapped_bytes() / kMostHotShare;
    const size_t most = share < kLeastMostHot ? kLeastMostHot : share;
    return most < HotBlocks::kMaxBytes ? most : HotBlocks::kMaxBytes;
  }
  static constexpr size_t kLeastMostHot = HotBlocks::kMaxBytes / 2;
  static constexpr size_t kMostHotShare = 64;

  static constexpr size_t kHotBudget = size_t{10} << 20;
  static constexpr size_t kHotShare = 128;
  static constexpr size_t kOutboxBudget = size_t{4} << 20;
  static constexpr size_t kOutboxShare = 256;

  ArenaSet<Kernel> arenas_;
  MagazineSupply<Kernel> magazines_;
  CacheBudget<Kernel, kHotBudget, kHotShare> hot_budget_;
  CacheBudget<Kernel, kOutboxBudget, kOutboxShare> outbox_budget_;
  std::atomic<ThreadCache*> all_{nullptr};
};

}  // namespace talc
