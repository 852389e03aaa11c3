// clock_milliseconds(): a clock of the kernel in milliseconds.
//
// Through libc, which asks the vDSO: a system call only where there is none. Used by Uptime, by Purger
// and by memory_pressure.hpp.
#pragma once

#include <errno.h>
#include <time.h>

#include "talc/base/word.hpp"

namespace talc {

// Ensures: errno as it was.
inline uint64_t clock_milliseconds(clockid_t clock) {
  const int saved_errno = errno;
  timespec now = {};
  ::clock_gettime(clock, &now);
  errno = saved_errno;
  return static_cast<uint64_t>(now.tv_sec) * 1000 + static_cast<uint64_t>(now.tv_nsec) / 1000000;
}

}  // namespace talc
