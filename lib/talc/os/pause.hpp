// pause_us(), pause_1_ms(): wait for somebody who is about to get on.
//
// By a raw call: libc's nanosleep is a cancellation point, and malloc must not be one; a thread
// cancelled in its middle would leave a cache half changed. Used by ArenaLock, in rare moments, and between
// the parts of a purge.
#pragma once

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace talc {

// Requires: microseconds < 1000000. Cost: one system call, and that time, or some 50 µs more, unless a signal
// arrives. Leaves errno.
inline void pause_us(unsigned microseconds) {
  const int saved_errno = errno;
  const long pause[2] = {
      0, 1000 * static_cast<long>(microseconds)};  // the kernel's timespec: seconds, nanoseconds
  ::syscall(SYS_nanosleep, pause, nullptr);
  errno = saved_errno;
}

inline void pause_1_ms() { pause_us(1000); }

}  // namespace talc
