// PthreadLock: a mutex of the C library as the lock of a Talck. Waiters sleep in the kernel.
//
// Initialised as a constant, so it works before constructors run, and holds nothing that must be
// destroyed. With TALC_DEBUG it is error checking, where libc has a constant for that (glibc has, musl
// has not): a thread that locks it twice, as an OOM handler does that allocates through its own Talck,
// or unlocks what it does not hold, fails an assertion.
#pragma once

#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "talc/base/assert.hpp"

namespace talc {

class PthreadLock {
 public:
  // Unlocked; a constant.
  constexpr PthreadLock() {
#ifdef PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP
    if constexpr (kAssertions) {
      mutex_ = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
    }
#endif
  }
  PthreadLock(const PthreadLock&) = delete;
  PthreadLock& operator=(const PthreadLock&) = delete;

  // Waits, asleep. Ensures: the caller holds the lock. Requires: the caller does not hold it already.
  void lock() {
    [[maybe_unused]] const bool deadlock = pthread_mutex_lock(&mutex_) == EDEADLK;
    TALC_ASSERT(!deadlock);
  }

  // Does not wait. Ensures: the caller holds the lock if true.
  bool try_lock() { return pthread_mutex_trylock(&mutex_) == 0; }

  // Waits, asleep, but not for ever. Ensures: the caller holds the lock if true; false after
  // `milliseconds` of waiting.
  bool lock_within(unsigned milliseconds) {
    timespec deadline{};
    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += static_cast<time_t>(milliseconds / 1000);
    deadline.tv_nsec += static_cast<long>(milliseconds % 1000) * 1000000;
    if (deadline.tv_nsec >= 1000000000) {
      deadline.tv_nsec -= 1000000000;
      deadline.tv_sec += 1;
    }
    return pthread_mutex_timedlock(&mutex_, &deadline) == 0;
  }

  // Lets the next one in. Requires: the caller holds the lock.
  void unlock() {
    [[maybe_unused]] const bool foreign = pthread_mutex_unlock(&mutex_) == EPERM;
    TALC_ASSERT(!foreign);
  }

 private:
  pthread_mutex_t mutex_ = PTHREAD_MUTEX_INITIALIZER;
};

}  // namespace talc
