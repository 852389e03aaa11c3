// Footprint: how much memory the process heap has mapped, the most it ever had, and whether it may
// have more. One a process, like the page map, so that arenas need no pointer to it (which the dynamic
// linker would have to write into each).
//
// Whoever is about to ask the kernel asks here first, and says so when the kernel refused, or has it
// back: so what is mapped is never beyond settings.heap_limit, however many threads grow at once.
// What counts is addresses, with memory or without, but for ceded gaps: docs/decisions/0011. Three atomic words, changed
// only where the kernel is called anyway. Heaps (heap_registry.hpp), huge blocks and the reserve count
// themselves in and out; get_stats reads it.
#pragma once

#include <atomic>

#include "talc/api/purge_notice.hpp"
#include "talc/api/settings.hpp"
#include "talc/base/word.hpp"
#include "talc/os/uptime.hpp"

namespace talc {

template <class Kernel>
class Footprint {
 public:
  // Whether the limit leaves so much; if it does, it is counted.
  static bool try_grow(size_t bytes) {
    const size_t limit = settings.heap_limit.load(std::memory_order_relaxed);
    size_t now = mapped_.load(std::memory_order_relaxed);
    do {
      if (bytes > limit || now > limit - bytes) {
        return false;
      }
    } while (!mapped_.compare_exchange_weak(now, now + bytes, std::memory_order_relaxed));
    return true;
  }
  // To be called once the kernel gave what was counted.
  static void raise_peak() {
    const size_t now = mapped_bytes();
    size_t peak = peak_.load(std::memory_order_relaxed);
    while (now > peak) {
      if (peak_.compare_exchange_weak(peak, now, std::memory_order_relaxed)) {
        peak_uptime_ms_.store(Uptime::milliseconds(), std::memory_order_relaxed);
        break;
      }
    }
    if (now >= PurgeNotice<Kernel>::kGrownTo) {
      PurgeNotice<Kernel>::raise_grown();
    }
  }
  static void shrink(size_t bytes) { mapped_.fetch_sub(bytes, std::memory_order_relaxed); }

  static size_t mapped_bytes() { return mapped_.load(std::memory_order_relaxed); }
  static size_t peak_bytes() { return peak_.load(std::memory_order_relaxed); }
  // When that was.
  static size_t peak_uptime_ms() { return peak_uptime_ms_.load(std::memory_order_relaxed); }

 private:
  static inline constinit std::atomic<size_t> mapped_{0};
  static inline constinit std::atomic<size_t> peak_{0};
  static inline constinit std::atomic<size_t> peak_uptime_ms_{0};
};

}  // namespace talc
