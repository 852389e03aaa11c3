// memory_is_short(): whether a control group of this process is so near its limit that memory which
// nobody uses should go back at once, whatever the purge delay says.
//
// Asked by whoever purges in the background, never by a thread that allocates: it opens files. A
// limit of the kernel kills, so this looks at the bytes of all processes in the group, without idle
// copies of files (cgroup.hpp).
#pragma once

#include <atomic>

#include "talc/os/cgroup.hpp"
#include "talc/os/clock.hpp"

namespace talc {

class MemoryPressure {
 public:
  // Looks no more often than this; between two looks the last answer holds.
  static constexpr long kMinIntervalMs = 1000;

  // Memory is short from this share of a limit on: 15/16.
  static constexpr unsigned kFreeShare = 16;

  // Cost: some system calls for each level of control groups.
  static bool is_short(const char* root) {
    bool is_short = false;
    Cgroup::for_each(root, [&](const Cgroup& group) { is_short = is_short || is_short_in(group); });
    return is_short;
  }

  // The same, at most once in kMinIntervalMs. Threads may ask at the same time: one of them looks.
  static bool is_short_lately(long now_ms, const char* root) {
    long next = next_look_ms_.load(std::memory_order_relaxed);
    if (now_ms >= next && next_look_ms_.compare_exchange_strong(next, now_ms + kMinIntervalMs,
                                                                std::memory_order_relaxed)) {
      is_short_.store(is_short(root), std::memory_order_relaxed);
    }
    return is_short_.load(std::memory_order_relaxed);
  }

 private:
  static bool is_short_in(const Cgroup& group) {
    const size_t limit = group.limit();
    const size_t high = group.high();
    const size_t bound = high < limit ? high : limit;
    if (bound == Cgroup::kUnlimited) {
      return false;
    }
    const size_t near = bound - bound / kFreeShare;
    return group.used(near) > near;
  }

  static inline constinit std::atomic<long> next_look_ms_{0};
  static inline constinit std::atomic<bool> is_short_{false};
};

// Ensures: errno as it was. Cost: a look at the clock, once a second some 30 system calls.
inline bool memory_is_short() {
  return MemoryPressure::is_short_lately(static_cast<long>(clock_milliseconds(CLOCK_MONOTONIC)),
                                         "");
}

}  // namespace talc
