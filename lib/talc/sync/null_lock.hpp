// NullLock: the lock of those who need none, because one thread alone uses the Talck.
//
// It costs no instruction. With TALC_DEBUG it asserts that nobody locks it twice, which catches an
// OOM handler that allocates through its own Talck and, with luck, a second thread.
#pragma once

#include "talc/base/assert.hpp"

namespace talc {

class NullLock {
 public:
  constexpr NullLock() = default;
  NullLock(const NullLock&) = delete;
  NullLock& operator=(const NullLock&) = delete;

  // Does nothing but, with TALC_DEBUG, to note that it is locked. Requires: unlocked.
  constexpr void lock() {
    [[maybe_unused]] const bool deadlock = locked_;
    TALC_ASSERT(!deadlock);
    set_locked(true);
  }

  // The opposite. Requires: locked.
  constexpr void unlock() {
    TALC_ASSERT(locked_);
    set_locked(false);
  }

 private:
  constexpr void set_locked(bool locked) {
    if constexpr (kAssertions) {
      locked_ = locked;
    }
  }

  bool locked_ = false;
};

}  // namespace talc
