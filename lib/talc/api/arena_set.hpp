// ArenaSet: the arenas of a process, which one a thread works in, and how they pass through a fork.
//
//   arenas_   [ 0 | 1 | … | count() - 1 | not begun yet … | spare: for threads that a fork stops ]
//
// A thread's cache has one arena for home, the one with the fewest threads (choose_home). There are at
// most as many as processors, or two. What does not go through a cache begins there, too: a thread that
// finds its arena taken moves to another, and begins a new one if all are taken. A thread that waits,
// waits a moment at each in turn: no single lock, least of all one held for a fork, can stop it for good.
//
// Fork: the forking thread holds every arena, lowest first, after libc's stdio lock, for the time
// in which the process is copied. What it could not get in time is abandoned in the child.
// docs/decisions/0003. Used by ProcessHeap.
#pragma once

#include <atomic>
#include <utility>

#include "talc/api/arena.hpp"
#include "talc/api/process_stats.hpp"
#include "talc/base/cpu_relax.hpp"
#include "talc/os/cpu_count.hpp"
#include "talc/os/stdio_lock.hpp"

namespace talc {

template <class Kernel>
class ArenaSet {
 public:
  using TheArena = Arena<Kernel>;
  using Visit = typename TheArena::Visit;

  constexpr ArenaSet() = default;

  // A visit to some arena: this thread's, if nobody else is there.
  Visit visit() {
    if (Visit mine = arenas_[ThreadNote::arena()].try_visit()) [[likely]] {
      return mine;
    }
    return visit_elsewhere();
  }

  // The arena for a new cache: the one with the fewest threads, a new one rather than one that has
  // any. Counts this thread as one of its users: of threads that begin together each sees the others.
  unsigned choose_home() {
    for (;;) {
      unsigned users = 0;
      const unsigned home = find_home(users);
      if (arenas_[home].users().compare_exchange_weak(users, users + 1,
                                                      std::memory_order_relaxed)) {
        for (unsigned known = count(); known <= home; known = count()) {
          begin_next(known);
        }
        return home;
      }
    }
  }

  // A visit to one arena in particular, if it is to be had in a moment. Nobody waits for a fork.
  Visit visit_one(unsigned index) {
    Visit visit = arenas_[index].try_visit();
    return visit || is_forking_.load(std::memory_order_relaxed)
               ? std::move(visit)
               : arenas_[index].visit_within(kPatienceMs);
  }

  // A visit to one arena, without sleeping for it: for those who release.
  Visit visit_soon(unsigned index) {
    Visit visit = arenas_[index].try_visit();
    for (unsigned spins = 0; !visit && spins < kSpins; ++spins) {
      cpu_relax();
      visit = arenas_[index].try_visit();
    }
    return visit;
  }

  // f(arena) in this thread's arena; while f returns false, in each other in turn. Returns f's last
  // result. For a request that one arena could not serve, but another one may.
  template <class F>
  bool visit_until(F f) {
    const unsigned first = ThreadNote::arena();
    for (unsigned i = 0; i < count(); ++i) {
      const Visit visit = arenas_[(first + i) % count()].visit_within(kPatienceMs);
      if (visit && f(visit)) {
        return true;
      }
    }
    return false;
  }

  TheArena& operator[](unsigned index) { return arenas_[index]; }
  // Arenas that were ever visited.
  unsigned count() const { return 1 + more_.load(std::memory_order_acquire); }

  // ---- fork: the three handlers that pthread_atfork wants ----

  // In a signal handler that interrupted a fork none does anything: what is held is held.
  void before_fork() {
    if (ThreadNote::begin_fork() != 0) {
      return;
    }
    stdio_.lock();
    fork_lock_.lock();
    is_forking_.store(true, std::memory_order_relaxed);
    for (unsigned i = 0; i < count(); ++i) {
      arenas_[i].lock().hold_for_fork(kForkPatienceMs);
    }
  }

  void after_fork_in_parent() {
    if (ThreadNote::end_fork() != 0) {
      return;
    }
    for (unsigned i = count(); i-- > 0;) {
      arenas_[i].lock().release_after_fork();
    }
    is_forking_.store(false, std::memory_order_relaxed);
    fork_lock_.unlock();
    stdio_.unlock();
  }

  // Returns whether it did.
  bool after_fork_in_child() {
    if (ThreadNote::end_fork() != 0) {
      return false;
    }
    for (unsigned i = 0; i < count(); ++i) {
      arenas_[i].lock().renew_in_child();
      arenas_[i].forget_waiting();
    }
    is_forking_.store(false, std::memory_order_relaxed);
    new (kPlacement, &fork_lock_) PthreadLock();
    stdio_.renew_in_child();
    return true;
  }

 private:
  // How long to wait at one arena before trying the next.
  static constexpr unsigned kPatienceMs = 20;
  // A thread that has waited this many times begins an arena beyond what the processors are worth.
  static constexpr unsigned kMaxWaits = 10;
  static constexpr unsigned kLeast = 2;
  static constexpr unsigned kSpareArenas = 16;
  // How long fork waits for an arena before the child does without it.
  static constexpr unsigned kForkPatienceMs = 2000;
  // How often to try an arena whose visitor is likely to leave at once.
  static constexpr unsigned kSpins = 32;

  // The arena with the fewest threads, and how many these are.
  unsigned find_home(unsigned& fewest) {
    fewest = arenas_[0].users().load(std::memory_order_relaxed);
    if (fewest == 0 && !arenas_[0].lock().is_abandoned()) {
      return 0;  // as in most processes: without asking for the number of processors
    }
    unsigned best = kMaxArenas;
    const unsigned candidates = is_forking_.load(std::memory_order_relaxed) ? count() : limit();
    for (unsigned i = 0; i < candidates && (best == kMaxArenas || fewest != 0); ++i) {
      const unsigned users = arenas_[i].users().load(std::memory_order_relaxed);
      if (!arenas_[i].lock().is_abandoned() && (best == kMaxArenas || users < fewest)) {
        best = i;
        fewest = users;
      }
    }
    return best == kMaxArenas ? 0 : best;
  }

  [[gnu::cold, gnu::noinline]] Visit visit_elsewhere() {
    for (unsigned waits = 0;; ++waits) {
      if (Visit visit = visit_free()) {
        return visit;
      }
      if (Visit visit = begin_arena(waits)) {
        return visit;
      }
      const unsigned index = (ThreadNote::arena() + waits) % count();
      if (Visit visit = arenas_[index].visit_within(kPatienceMs)) {
        return visit;
      }
    }
  }

  // A visit to an arena where nobody is; this thread's own is tried longest, the others once.
  Visit visit_free() {
    const unsigned mine = ThreadNote::arena();
    const unsigned known = count();
    for (unsigned i = 1; i < known; ++i) {
      const unsigned index = (mine + i) % known;
      if (Visit visit = arenas_[index].try_visit()) {
        ThreadNote::set_arena(index);
        return visit;
      }
    }
    for (unsigned spins = 0; spins < kSpins; ++spins) {
      if (Visit visit = arenas_[mine].try_visit()) {
        return visit;
      }
      cpu_relax();
    }
    return Visit();
  }

  // A visit to a new arena, if one more is worth it: not during a fork, when all are taken for a
  // moment only, unless that moment is long.
  Visit begin_arena(unsigned waits) {
    const unsigned known = count();
    const bool is_stuck = waits >= kMaxWaits;
    if (known >= (is_stuck ? kMaxArenas : limit()) ||
        (is_forking_.load(std::memory_order_relaxed) && !is_stuck) || !begin_next(known)) {
      return Visit();
    }
    ThreadNote::set_arena(known);
    return arenas_[known].try_visit();
  }

  // Begins one more than are known. False: another thread did.
  bool begin_next(unsigned known) {
    arenas_[known].set_index(known);
    unsigned more = known - 1;
    return more_.compare_exchange_strong(more, known, std::memory_order_acq_rel);
  }

  // How many arenas are worth having: what one holds that nobody uses, no other one can use. Two, for
  // threads of a single processor, too, that are interrupted while they hold one.
  unsigned limit() {
    unsigned known = limit_.load(std::memory_order_relaxed);
    if (known == 0) {
      const unsigned processors = cpu_count();
      const unsigned wanted = processors < kLeast ? kLeast : processors;
      known = wanted < kMaxArenas - kSpareArenas ? wanted : kMaxArenas - kSpareArenas;
      limit_.store(known, std::memory_order_relaxed);
    }
    return known;
  }

  TheArena arenas_[kMaxArenas];
  std::atomic<unsigned> more_{0};  // than the first one
  std::atomic<unsigned> limit_{0};

  StdioLock stdio_;
  PthreadLock fork_lock_;  // one fork at a time
  std::atomic<bool> is_forking_{false};
};

}  // namespace talc
