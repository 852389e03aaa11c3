// cpu_count(): how many processors this process may run on, which bounds how many arenas are worth
// it.
//
// Asked of the kernel by one raw call (sysconf opens files, and files allocate), so containers and
// taskset count. Called by the arena set when threads first meet at a lock.
#pragma once

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "talc/base/word.hpp"

namespace talc {

// Ensures: 1 at least. Cost: one system call.
inline unsigned cpu_count() {
  unsigned long mask[128] = {};
  const int saved_errno = errno;
  const long mask_bytes = ::syscall(SYS_sched_getaffinity, 0, sizeof mask, mask);
  errno = saved_errno;
  unsigned count = 0;
  for (long i = 0; i < mask_bytes / static_cast<long>(sizeof mask[0]); ++i) {
    count += static_cast<unsigned>(__builtin_popcountl(mask[i]));
  }
  return count == 0 ? 1 : count;
}

}  // namespace talc
