// ThreadNote: what a thread remembers of the process heap beside its cache, in 20 bytes of
// static TLS.
//
// Zero to begin with, no constructor, no destructor: it serves in a thread's first and last
// moments, and its address names the thread for as long as it lives, also in the child of a fork.
// Initial-exec, because any other TLS is allocated on first use, by malloc. Used by ArenaSet and
// ArenaLock, and by the interposer.
#pragma once

#include <atomic>

#include "talc/base/word.hpp"

namespace talc {

class ThreadNote {
 public:
  // Which thread this is.
  static const void* id() { return &note_; }

  // The arena that this thread visited last, and where its next visit begins.
  static unsigned arena() { return note_.arena; }
  static void set_arena(unsigned index) { note_.arena = index; }

  // From before a thread tries to get into an arena until after it has left it. In a signal
  // handler, a number above 0 means that the handler interrupted such a visit.
  static void begin_visit() {
    note_.visits += 1;
    std::atomic_signal_fence(std::memory_order_seq_cst);
  }
  static void end_visit() {
    std::atomic_signal_fence(std::memory_order_seq_cst);
    note_.visits -= 1;
  }
  static bool is_visiting() { return note_.visits != 0; }

  // Small blocks that the thread has released without a cache.
  static unsigned count_direct_release() { return ++note_.direct_releases; }

  // Whether the thread's cache was taken from it, at its end: it gets no other.
  static bool has_ended() { return note_.ended; }
  static void set_ended() { note_.ended = true; }

  // The forks that this thread is in: more than one if a signal handler forks that interrupted a
  // fork.
  static unsigned begin_fork() { return note_.forks++; }
  static unsigned end_fork() { return --note_.forks; }
  static bool is_forking() { return note_.forks != 0; }

  // While the program's OOM handler is at work in this thread, it is not called again; nor is the next
  // malloc looked for again, while that is looked for.
  static bool is_asking() { return note_.asking; }
  static void set_asking(bool is_asking) { note_.asking = is_asking; }
  static bool is_looking() { return note_.looking; }
  static void set_looking(bool is_looking) { note_.looking = is_looking; }

 private:
  struct Note {
    unsigned arena;
    unsigned visits;
    unsigned forks;
    unsigned direct_releases;
    bool ended;
    bool asking;
    bool looking;
  };

  [[gnu::tls_model("initial-exec")]] static inline constinit thread_local Note note_{};
};

}  // namespace talc
