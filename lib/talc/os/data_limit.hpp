// is_data_limited(): whether there is a limit on what may be written to, touched or not (`ulimit -d`).
//
// At such a limit the kernel refuses to make pages accessible again that were so once: HardenedPages
// has no guards then. Asked each time, for a program may limit itself, or be limited by another.
#pragma once

#include <errno.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace talc {

// False if the kernel does not tell. Cost: a system call. errno stays.
inline bool is_data_limited() {
  constexpr uint64_t kUnlimited = ~uint64_t{0};
  struct {
    uint64_t now;
    uint64_t most;
  } limit = {kUnlimited, kUnlimited};
  const int saved_errno = errno;
  ::syscall(SYS_prlimit64, 0, RLIMIT_DATA, nullptr, &limit);
  errno = saved_errno;
  return limit.now != kUnlimited;
}

}  // namespace talc
