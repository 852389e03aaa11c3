// The clock of the programs that look at memory over time, and sleeping by it. Calls no allocator.
#pragma once

#include <time.h>

namespace bench {

inline double now_seconds() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

inline void sleep_seconds(double seconds) {
  const auto whole = static_cast<time_t>(seconds);
  const timespec time = {whole, static_cast<long>(1e9 * (seconds - static_cast<double>(whole)))};
  nanosleep(&time, nullptr);
}

// Until now_seconds() is `when`; not at all if it was.
inline void sleep_until(double when) {
  const double left = when - now_seconds();
  if (left > 0) {
    sleep_seconds(left);
  }
}

}  // namespace bench
