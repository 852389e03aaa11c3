// A clock fine enough for one call of malloc: the processor's time stamp counter on x86-64, otherwise
// clock_gettime. The counter is compared with clock_gettime once, to know how long a tick is.
#pragma once

#include <stdint.h>
#include <time.h>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

namespace bench {

inline uint64_t monotonic_ns() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<uint64_t>(time.tv_sec) * 1000000000 + static_cast<uint64_t>(time.tv_nsec);
}

// The fences keep the timed call between two readings, and other work outside.
inline uint64_t ticks() {
#if defined(__x86_64__)
  _mm_lfence();
  const uint64_t now = __rdtsc();
  _mm_lfence();
  return now;
#else
  return monotonic_ns();
#endif
}

// Measured over 100 ms.
inline double ns_per_tick() {
  const uint64_t start_ns = monotonic_ns();
  const uint64_t start_ticks = ticks();
  uint64_t end_ns = start_ns;
  while (end_ns - start_ns < 100000000) {
    end_ns = monotonic_ns();
  }
  return static_cast<double>(end_ns - start_ns) / static_cast<double>(ticks() - start_ticks);
}

// What two readings with nothing between them differ by at least.
inline uint64_t least_ticks() {
  uint64_t least = UINT64_MAX;
  for (int i = 0; i < 10000; ++i) {
    const uint64_t start = ticks();
    const uint64_t spent = ticks() - start;
    least = spent < least ? spent : least;
  }
  return least;
}

}  // namespace bench
