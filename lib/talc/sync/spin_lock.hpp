// SpinLock: a lock for code without an operating system, in four bytes.
//
// Waiters read it, which keeps it in their cache, until it looks free, and only then try to take
// it. They never sleep and take no turns: fit for short critical sections on cores that run in
// parallel, unfit where a holder can be interrupted by a waiter of higher priority. Hosted programs
// want os/pthread_lock.hpp. Needs an atomic exchange of 32 bits from the target (not of one byte, for
// which compilers call a library function on RISC-V); on those without one (ARMv6-M, RISC-V without A)
// the compiler calls a library function, in programs that use it only.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "talc/base/assert.hpp"
#include "talc/base/cpu_relax.hpp"

namespace talc {

class SpinLock {
 public:
  constexpr SpinLock() = default;
  SpinLock(const SpinLock&) = delete;
  SpinLock& operator=(const SpinLock&) = delete;

  // Waits, without sleeping. Ensures: the caller holds the lock.
  // Requires: the caller does not hold it already.
  void lock() {
    [[maybe_unused]] size_t turns = 0;
    while (!try_lock()) {
      do {
        cpu_relax();
        [[maybe_unused]] const bool deadlock = kAssertions && ++turns == kDeadlockTurns;
        TALC_ASSERT(!deadlock);
      } while (__atomic_load_n(&locked_, __ATOMIC_RELAXED) != 0);
    }
  }

  // Does not wait. Ensures: the caller holds the lock if true.
  bool try_lock() { return __atomic_exchange_n(&locked_, 1U, __ATOMIC_ACQUIRE) == 0; }

  // Lets the next one in. Requires: the caller holds the lock.
  void unlock() {
    TALC_ASSERT(__atomic_load_n(&locked_, __ATOMIC_RELAXED) != 0);
    __atomic_store_n(&locked_, 0U, __ATOMIC_RELEASE);
  }

 private:
  // Seconds: no critical section lasts as long.
  static constexpr size_t kDeadlockTurns = size_t{1} << 26;

  uint32_t locked_ = 0;
};

}  // namespace talc
