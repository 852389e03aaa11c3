// Uptime: how long the library has been in this process.
//
// Milliseconds of the monotonic clock since somebody first asked, which is when the first heap grows or
// the constructor runs. A fork's child goes on from its parent's. Used by Footprint, for when the
// peak was, and by reports.
#pragma once

#include <atomic>

#include "talc/os/clock.hpp"

namespace talc {

class Uptime {
 public:
  // 0 the first time. Cost: a call of the vDSO; where there is none, a system call.
  static size_t milliseconds() {
    const auto now = static_cast<size_t>(clock_milliseconds(CLOCK_MONOTONIC) + 1);
    size_t start = 0;
    return start_.compare_exchange_strong(start, now, std::memory_order_relaxed) ? 0 : now - start;
  }

  // Milliseconds since 1970.
  static uint64_t date_milliseconds() { return clock_milliseconds(CLOCK_REALTIME); }

 private:
  static inline constinit std::atomic<size_t> start_{0};  // 0: nobody has asked
};

}  // namespace talc
