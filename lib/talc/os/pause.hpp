// pause_1_ms(): waits for somebody who is about to get on.
//
// By a raw call: libc's nanosleep is a cancellation point, and malloc must not be one; a thread
// cancelled in its middle would leave a cache half changed. Used by ArenaLock, in rare moments.
#pragma once

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace talc {

// Cost: one system call, and a millisecond unless a signal arrives. Leaves errno.
inline void pause_1_ms() {
  const int saved_errno = errno;
  const long pause[2] = {0, 1000000};  // the kernel's own timespec: seconds, nanoseconds
  ::syscall(SYS_nanosleep, pause, nullptr);
  errno = saved_errno;
}

}  // namespace talc
