// MiddleBlocks: blocks of 8 KiB to 4 MiB, which are chunks of an arena's engine.
//
//   allocate   one that this thread freed lately, of about that size ──> any arena, its own first
//   release    kept for this thread's next request, if there is room
//              ──> its own arena's: the engine
//              ──> another arena's: the outbox, if it is not too large for that ──> the engine
//
// A view of the caches, made for each call. Used by ProcessHeap. docs/decisions/0002 has the prefix
// by which a block knows its size.
#pragma once

#include "talc/api/thread_caches.hpp"

namespace talc {

template <class Kernel>
class MiddleBlocks {
 public:
  using Current = CurrentCache<Kernel>;
  using TheArena = Arena<Kernel>;
  using Visit = typename TheArena::Visit;

  static constexpr size_t kMaxSize = BlockPrefix::kMaxUsable;

  explicit MiddleBlocks(ThreadCaches<Kernel>& caches) : caches_(caches) {}

  // Returns a block of `size` bytes that this thread freed lately, or null. Aligned to 16.
  // Cost: some 40 instructions. Locks: none.
  static void* take_hot(size_t size) {
    return revive([=](HotBlocks& hot, size_t& usable) { return hot.take(size, usable); });
  }
  // The same, aligned to `align`, which is more than 16.
  static void* take_hot_aligned(size_t size, size_t align) {
    return revive(
        [=](HotBlocks& hot, size_t& usable) { return hot.take_aligned(size, align, usable); });
  }

  // Returns a block of `size` bytes, aligned to `align` and to 16, the first `cleared_bytes` of them
  // zero; null if no arena has memory. Requires: size ≤ kMaxSize. Cost: as Talc::malloc.
  // Locks: one arena's at a time.
  [[gnu::noinline]] void* allocate(size_t size, size_t align, size_t cleared_bytes) {
    caches_.own();  // so that this thread keeps what it frees
    const size_t usable = usable_for(size);
    const size_t block_align = align < BlockPrefix::kBlockAlign ? BlockPrefix::kBlockAlign : align;
    if (void* const block = arenas().visit()->allocate(usable, block_align, cleared_bytes))
        [[likely]] {
      return block;
    }
    void* block = nullptr;
    arenas().visit_until([&](const Visit& visit) {
      block = visit->allocate(usable, block_align, cleared_bytes);
      return block != nullptr;
    });
    return block;
  }

  // Takes a block back if this thread may keep it. Requires: the page map says that an engine of `arena`
  // has it. False: it may not, or no live block begins there. Cost: some 50 instructions. Locks: none.
  [[gnu::always_inline]] static bool try_release_hot(void* ptr, unsigned arena) {
    return put_hot(arena, ptr, TheArena::try_live_size(ptr));
  }

  // Takes back a block that try_release_hot did not. Requires: the same. Faults if no live block begins
  // there. Locks: never waits for one.
  void release(void* ptr, unsigned index) {
    TheArena& arena = arenas()[index];
    const size_t usable = arena.usable_size(ptr, Fault::double_free);
    ThreadCache& cache = Current::get();
    const bool is_usable = cache.is_one() && !cache.is_changing();
    if (is_usable && caches_.grow_hot(cache.hot(), usable) && put_hot(index, ptr, usable)) {
      return;
    }
    if (is_usable && cache.arena() != index && usable <= Outbox::kMaxSize) {
      TheArena::make_wait(ptr, usable);
      caches_.post(cache, ptr, usable);
    } else {
      arena.release(ptr, usable);
    }
  }

  // The usable bytes of a block. Requires: as release.
  size_t usable_size(const void* ptr, unsigned arena, Fault if_freed) {
    return arenas()[arena].usable_size(ptr, if_freed);
  }

  // What a block may get to grow into when it moves: a quarter of what it had, as long as it stays one of
  // these. Requires: usable ≤ kMaxSize.
  static size_t with_room_to_grow(size_t usable) { return smaller(usable + usable / 4, kMaxSize); }

  // Returns whether the block of `usable` bytes holds `size` now, where it is, with no more to spare than a
  // block that has grown may have. Requires: as release.
  bool resize_in_place(void* ptr, unsigned arena, size_t usable, size_t size) {
    if (size > kMaxSize) {
      return false;
    }
    if (size <= usable && usable <= usable_for(with_room_to_grow(size))) {
      return true;
    }
    const Visit visit = arenas()[arena].visit_within(kPatienceMs);
    return visit && visit->resize_in_place(ptr, usable, usable_for(size));
  }

 private:
  static constexpr unsigned kPatienceMs = 1000;

  // Hands out what take(hot, usable) returns, a block or null.
  template <class Take>
  [[gnu::always_inline]] static void* revive(Take take) {
    ThreadCache& cache = Current::get();
    size_t usable = 0;
    void* const block = cache.is_changing() ? nullptr : take(cache.hot(), usable);
    if (block != nullptr) {
      BlockPrefix::change(block, BlockPrefix::State::freed, BlockPrefix::State::live);
      add_alone(cache.hot_allocations(), 1);
    }
    return block;
  }

  ArenaSet<Kernel>& arenas() { return caches_.arenas(); }

  // As many as any request that the block may serve later wants.
  static size_t usable_for(size_t size) {
    return BlockPrefix::usable_for(HotBlocks::class_size(size));
  }

  // A thread without a cache may keep none.
  [[gnu::always_inline]] static bool put_hot(unsigned arena, void* block, size_t usable) {
    ThreadCache& cache = Current::get();
    if (cache.is_changing() || !cache.hot().put(block, usable)) {
      return false;
    }
    if (cache.arena() == arena) [[likely]] {
      BlockPrefix::change(block, BlockPrefix::State::live, BlockPrefix::State::freed);
    } else if (!BlockPrefix::try_end(block, usable, BlockPrefix::State::freed)) {
      raise_fault(Fault::double_free, block);
    }
    return true;
  }

  ThreadCaches<Kernel>& caches_;
};

}  // namespace talc
