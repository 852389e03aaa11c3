// PurgeNotice: what arenas and huge blocks leave on the table for the purger: that memory became free, and
// how much, or that a heap has grown; and what the purger leaves for them: how many passes it has made. One
// a process, like Footprint.
//
// Read on slow paths, written once for each MiB. Arenas raise it under their lock, where all
// that may be done about it is to wake a thread; BasicProcessHeap looks at it before it enters an arena.
#pragma once

#include <atomic>

#include "talc/base/word.hpp"
#include "talc/os/atomic_switch.hpp"
#include "talc/os/background_thread.hpp"

namespace talc {

template <class Kernel>
class PurgeNotice {
 public:
  // So much may become free in an arena before anybody is told.
  static constexpr size_t kEveryBytes = size_t{1} << 20;
  // Growth is told of once so much is mapped.
  static constexpr size_t kGrownTo = size_t{16} << 20;

  static constexpr unsigned kFreed = 1;
  static constexpr unsigned kGrown = 2;

  // Which of these were raised.
  static unsigned read() { return raised_.load(std::memory_order_relaxed); }
  // Wakes the thread that purges, if it rests.
  static void raise_freed(size_t bytes) {
    freed_bytes_.fetch_add(bytes, std::memory_order_relaxed);
    raised_.fetch_or(kFreed, std::memory_order_relaxed);
    is_news_.store(true, std::memory_order_seq_cst);
    thread_.wake();
  }
  // Whoever allocates next sees whether there should be such a thread.
  static void raise_grown() { raised_.fetch_or(kGrown, std::memory_order_relaxed); }
  // Whether memory became free since the thread asked last.
  static bool take_news() { return is_news_.exchange(false, std::memory_order_relaxed); }
  // All that it was told of, ever.
  static size_t freed_bytes() { return freed_bytes_.load(std::memory_order_relaxed); }
  static void clear(unsigned which) { raised_.fetch_and(~which, std::memory_order_relaxed); }

  // Passes of the purger that have begun, and one more that begins: returns its number.
  static size_t passes() { return passes_.load(std::memory_order_relaxed); }
  static size_t begin_pass() { return passes_.fetch_add(1, std::memory_order_relaxed) + 1; }

  // The thread that purges, if there is one.
  static BackgroundThread& thread() { return thread_; }

 private:
  static inline constinit BackgroundThread thread_;
  static inline constinit std::atomic<unsigned> raised_{0};
  static inline constinit AtomicSwitch is_news_{false};
  static inline constinit std::atomic<size_t> freed_bytes_{0};
  static inline constinit std::atomic<size_t> passes_{0};
};

}  // namespace talc
