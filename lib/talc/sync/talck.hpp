// Talck: a Talc behind a lock, so that threads share it.
//
//     constinit auto heap = Talc{ClaimOnOom{Span::from_array(memory)}}.lock<SpinLock>();
//     void* block = heap.malloc(100, 8);      // locks, allocates, unlocks
//     heap.lock()->claim(more);               // everything else of Talc, under a guard
//
// Every operation holds the lock from start to end, OOM handler included (oom/oom_handler.hpp tells
// how a handler then deadlocks), except where a large block must be copied: its old and its new
// memory both belong to the caller of realloc, so the others may allocate meanwhile.
// A lock is any type with lock() and unlock(): NullLock, SpinLock, PthreadLock, std::mutex.
#pragma once

#include "talc/base/memory.hpp"
#include "talc/core/counters.hpp"
#include "talc/core/talc.hpp"

namespace talc {

// What a Talck can have for a lock.
template <class LockType>
concept LockLike = requires(LockType& lock) {
  lock.lock();
  lock.unlock();
};

template <class Lock, class TalcType>
class Talck {
  static_assert(LockLike<Lock>, "a Talck's lock needs lock() and unlock()");

 public:
  // Access to the Talc, for as long as it lives. Requires: it does not outlive the Talck.
  class [[nodiscard]] Guard {
   public:
    // Waits for the lock. Requires: this thread does not hold it already.
    explicit Guard(Talck& talck) : talck_(talck) { talck_.lock_.lock(); }
    // Lets go of it.
    ~Guard() { talck_.lock_.unlock(); }
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;

    TalcType& operator*() const { return talck_.talc_; }    // the engine
    TalcType* operator->() const { return &talck_.talc_; }  // a function of the engine

   private:
    Talck& talck_;
  };

  // Copies of more bytes than this are made without the lock.
  static constexpr size_t kMaxBytesCopiedUnderLock = size_t{64} << 10;

  // Takes an engine over, with its heaps. Talc::lock is shorter.
  constexpr explicit Talck(TalcType&& talc) : talc_(talc::move(talc)) {}

  // The Talc moves, the lock does not. Requires: unlocked, and no other thread uses either.
  constexpr Talck(Talck&& other) noexcept : talc_(talc::move(other.talc_)) {}
  Talck& operator=(Talck&&) = delete;

  // The Talc, free of its lock. Requires: unlocked, and no other thread uses this Talck.
  constexpr TalcType into_inner() && { return talc::move(talc_); }

  // Waits for the lock and holds it until the guard is gone.
  Guard lock() { return Guard(*this); }

  // The lock itself, for what a guard can't do: try it, hold it across a fork.
  Lock& get_lock() { return lock_; }
  // The engine without its lock. Requires: the caller holds the lock, or no other thread uses this Talck.
  TalcType& get_talc() { return talc_; }

  // The following are Talc's own, made under the lock; see core/talc.hpp.

  // As Talc::malloc.
  [[nodiscard]] void* malloc(size_t size, size_t align) { return lock()->malloc(size, align); }

  // As Talc::free.
  void free(void* ptr, size_t size) { lock()->free(ptr, size); }

  // As Talc::grow_in_place.
  bool grow_in_place(void* ptr, size_t old_size, size_t new_size) {
    return lock()->grow_in_place(ptr, old_size, new_size);
  }

  // As Talc::shrink.
  void shrink(void* ptr, size_t old_size, size_t new_size) {
    lock()->shrink(ptr, old_size, new_size);
  }

  // As realloc. Requires: new_size >= old_size.
  [[nodiscard]] void* grow(void* ptr, size_t old_size, size_t new_size, size_t align) {
    return realloc(ptr, old_size, new_size, align);
  }

  // Changes the size of a block, which may move.
  // Requires: `ptr` was allocated here with `old_size` and `align`.
  // Ensures: a block of `new_size` bytes, aligned to `align`, that holds the old one's first bytes;
  // it may be `ptr` itself. Null if there is no memory; the old block is then untouched.
  // Cost: as Talc::realloc, a copy at most. Locks: not held while more than
  // kMaxBytesCopiedUnderLock bytes are copied.
  [[nodiscard]] void* realloc(void* ptr, size_t old_size, size_t new_size, size_t align) {
    const size_t kept_bytes = old_size < new_size ? old_size : new_size;
    if (kept_bytes <= kMaxBytesCopiedUnderLock) {
      return lock()->realloc(ptr, old_size, new_size, align);
    }
    if (new_size <= old_size) {
      shrink(ptr, old_size, new_size);
      return ptr;
    }
    return grow_large(ptr, old_size, new_size, align);
  }

  // As Talc::get_counters.
  Counters get_counters() { return lock()->get_counters(); }

 private:
  // A block that must move is allocated in the same turn in which growing in place failed.
  void* grow_large(void* ptr, size_t old_size, size_t new_size, size_t align) {
    void* moved = nullptr;
    {
      Guard talc = lock();
      if (talc->grow_in_place(ptr, old_size, new_size)) {
        return ptr;
      }
      moved = talc->malloc(new_size, align);
    }
    if (moved != nullptr) {
      copy_bytes(moved, ptr, old_size);
      free(ptr, old_size);
    }
    return moved;
  }

  [[no_unique_address]] Lock lock_;
  TalcType talc_;
};

template <class Handler, Config kConfig>
template <class Lock>
constexpr Talck<Lock, Talc<Handler, kConfig>> Talc<Handler, kConfig>::lock() && {
  return Talck<Lock, Talc>(talc::move(*this));
}

}  // namespace talc
