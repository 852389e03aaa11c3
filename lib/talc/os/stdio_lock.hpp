// StdioLock: the lock of libc's list of open streams, which fork takes, and which we must take
// before it.
//
// A thread may hold this lock, or a stream's, and wait for memory: getline does, fopen does.
// glibc's fork therefore takes it before its own malloc's locks; fork handlers run earlier still,
// so a handler that takes an allocator's locks turns the order round, and two threads wait for each
// other. Taking it first in the handler restores glibc's order; it is recursive, so fork may take
// it again. Weak references: a libc without these names has nothing of the kind. Used by ArenaSet.
#pragma once

#include "talc/os/single_thread.hpp"

extern "C" {
[[gnu::weak]] void _IO_list_lock(void);
[[gnu::weak]] void _IO_list_unlock(void);
[[gnu::weak]] void _IO_list_resetlock(void);
}

namespace talc {

class StdioLock {
 public:
  // Holds the lock unless the process has one thread only: then there is nobody to wait for, and
  // fork leaves the lock alone as well, even if a signal handler forks that interrupted its holder.
  void lock() {
    if (!is_single_threaded() && &_IO_list_lock != nullptr && &_IO_list_unlock != nullptr) {
      _IO_list_lock();
      is_held_ = true;
    }
  }

  void unlock() {
    if (is_held_) {
      is_held_ = false;
      _IO_list_unlock();
    }
  }

  // In the child, where fork has renewed the lock already; to unlock it would break it.
  void renew_in_child() {
    if (is_held_) {
      is_held_ = false;
      if (&_IO_list_resetlock != nullptr) {
        _IO_list_resetlock();
      }
    }
  }

 private:
  bool is_held_ = false;
};

}  // namespace talc
