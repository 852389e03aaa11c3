// ArenaLock: a PthreadLock that survives fork and signals, because it knows who holds it.
//
// Three threads need that knowledge. One that forks from a signal handler that interrupted malloc:
// it holds an arena's lock already and must neither wait for it nor renew it in the child. One that
// forks and, while it holds every lock, runs other libraries' fork handlers, which allocate: to it
// the lock is lent. And the only thread of a child, which must know what it can trust: an arena
// that was not held through the fork was copied while other threads worked on it, and is abandoned.
//
// While the process has one thread only, the lock is held without its mutex (light): then there is
// nobody but a signal handler to keep out, and an atomic operation costs as much as a small visit.
//
//     free  --try_lock, lock_within-->  held, or held light  --unlock-->  free
//     free  --hold_for_fork-->  held for fork  <--try_lock (the same thread), unlock-->  lent
//           <--release_after_fork (parent), renew_in_child (child)--
//
// The Lock of each arena's Talck. ArenaSet drives the fork; docs/decisions/0003 tells the whole
// story.
#pragma once

#include <atomic>

#include "talc/api/thread_note.hpp"
#include "talc/base/cpu_relax.hpp"
#include "talc/base/memory.hpp"
#include "talc/os/pause.hpp"
#include "talc/os/pthread_lock.hpp"
#include "talc/os/single_thread.hpp"

namespace talc {

class ArenaLock {
 public:
  constexpr ArenaLock() = default;
  ArenaLock(const ArenaLock&) = delete;
  ArenaLock& operator=(const ArenaLock&) = delete;

  // Ensures: the caller may work in the arena if true. False: another thread does, or this very
  // thread does, in a function that a signal interrupted.
  bool try_lock() {
    ThreadNote::begin_visit();
    if (is_single_threaded() ? take_light() : lock_.try_lock() && take()) [[likely]] {
      return true;
    }
    if (borrow()) {
      return true;
    }
    ThreadNote::end_visit();
    return false;
  }

  // As try_lock, after `milliseconds` of waiting at most. Most visits are so short that a few more
  // attempts find the lock free, where a sleeper would find it taken again each time he is woken.
  bool lock_within(unsigned milliseconds) {
    for (unsigned attempts = 0; attempts < kAttempts; ++attempts) {
      if (try_lock()) {
        return true;
      }
      cpu_relax();
    }
    if (is_mine() || is_abandoned()) {
      return false;
    }
    awaiting_.fetch_add(1, std::memory_order_relaxed);
    const bool has_lock = sleep_within(milliseconds);
    awaiting_.fetch_sub(1, std::memory_order_relaxed);
    return has_lock;
  }
  // Whether a thread sleeps until it gets the lock. In the child of a fork that a signal handler made while
  // its thread slept here, the count is one too low.
  bool is_awaited() const { return awaiting_.load(std::memory_order_relaxed) > 0; }

  // Requires: this thread does not hold the lock; it is not abandoned.
  void lock() {
    while (!lock_within(1000)) {
    }
  }

  // Requires: try_lock, lock_within or lock gave the lock to this thread.
  void unlock() {
    if (held_for_fork_) [[unlikely]] {
      lent_ = false;
    } else {
      let_go();
    }
    ThreadNote::end_visit();
  }

  // Ensures: if true, nobody else works in the arena until this thread says so, and its state is
  // whole. False: this thread was interrupted in it, or it was not free in `milliseconds`.
  // Requires: no other thread forks.
  bool hold_for_fork(unsigned milliseconds) {
    interrupted_ = is_mine() || (ThreadNote::is_visiting() && is_ours_unnoted());
    if (interrupted_ || !lock_within(milliseconds)) {
      return false;
    }
    ThreadNote::end_visit();  // what follows is no visit
    held_for_fork_ = true;
    return true;
  }

  // Ensures: as before hold_for_fork. Nothing happens if that was not successful.
  void release_after_fork() {
    if (is_held_for_fork()) {
      held_for_fork_ = false;
      let_go();
    }
  }

  // The lock as new, if this thread held it through the fork; as it is, if this thread was
  // interrupted while holding it; else nobody ever gets it again.
  void renew_in_child() {
    if (is_held_for_fork()) {
      held_for_fork_ = false;
      holder_.store(nullptr, std::memory_order_relaxed);
      is_light_.store(false, std::memory_order_relaxed);
      new (kPlacement, &lock_) PthreadLock();
    } else if (!interrupted_) {
      abandoned_.store(true, std::memory_order_relaxed);
      (void)lock_.try_lock();
    }
    interrupted_ = false;
    awaiting_.store(0, std::memory_order_relaxed);
  }

  // Whether the arena is lost, in this process, because of what it was at the fork.
  bool is_abandoned() const { return abandoned_.load(std::memory_order_relaxed); }

 private:
  static constexpr unsigned kAttempts = 200;
  static constexpr unsigned kMaxUnnotedMs = 20;

  bool sleep_within(unsigned milliseconds) {
    for (unsigned waited_ms = 0; waited_ms <= milliseconds; ++waited_ms) {
      ThreadNote::begin_visit();
      const bool has_mutex = lock_.lock_within(milliseconds - waited_ms);
      if (has_mutex && take()) {
        return true;
      }
      ThreadNote::end_visit();
      if (!has_mutex) {
        return false;
      }
      pause_1_ms();  // held light, by a thread that was alone when it took the lock
    }
    return false;
  }

  bool take_light() {
    if (holder_.load(std::memory_order_relaxed) != nullptr ||
        abandoned_.load(std::memory_order_relaxed)) [[unlikely]] {
      return false;
    }
    // A signal handler that strikes in between finds the lock held.
    holder_.store(ThreadNote::id(), std::memory_order_relaxed);
    std::atomic_signal_fence(std::memory_order_seq_cst);
    is_light_.store(true, std::memory_order_relaxed);
    std::atomic_signal_fence(std::memory_order_seq_cst);
    return true;
  }

  // Requires: this thread has the mutex. False: somebody holds the lock light, the mutex is free.
  bool take() {
    if (is_light_.load(std::memory_order_acquire)) [[unlikely]] {
      lock_.unlock();
      return false;
    }
    holder_.store(ThreadNote::id(), std::memory_order_relaxed);
    return true;
  }

  void let_go() {
    // A signal handler that strikes once there is no holder leaves the lock as it wants.
    const bool was_light = is_light_.load(std::memory_order_relaxed);
    std::atomic_signal_fence(std::memory_order_seq_cst);
    holder_.store(nullptr, std::memory_order_relaxed);
    std::atomic_signal_fence(std::memory_order_seq_cst);
    if (was_light) {
      is_light_.store(false, std::memory_order_release);
    } else {
      lock_.unlock();
    }
  }

  bool is_mine() const { return holder_.load(std::memory_order_relaxed) == ThreadNote::id(); }
  bool is_held_for_fork() const { return is_mine() && held_for_fork_; }

  // Between hold_for_fork and its end the holder may work in the arena, one call at a time.
  bool borrow() {
    if (!is_held_for_fork() || lent_) {
      return false;
    }
    lent_ = true;
    return true;
  }

  // In a signal handler that interrupted a visit, perhaps at the instruction between getting the
  // lock and noting the holder, or the other way round: whether that is so here. Another thread in
  // that place soon gets on; this one does not before the handler returns.
  bool is_ours_unnoted() {
    for (unsigned ms = 0; ms < kMaxUnnotedMs; ++ms) {
      if (holder_.load(std::memory_order_relaxed) != nullptr) {
        return false;
      }
      if (lock_.try_lock()) {
        lock_.unlock();
        return false;
      }
      pause_1_ms();
    }
    return true;
  }

  PthreadLock lock_;
  std::atomic<const void*> holder_{nullptr};
  std::atomic<bool> is_light_{false};
  std::atomic<bool> abandoned_{false};
  std::atomic<int> awaiting_{0};  // threads that sleep
  bool held_for_fork_ = false;    // this and the next are the holder's
  bool lent_ = false;
  bool interrupted_ = false;  // the forking thread's
};

}  // namespace talc
