// The process heap that tests share: one object a process, as its page map is one.
#pragma once

#include <pthread.h>

#include "talc/api/process_heap.hpp"

namespace talc {

inline constinit ProcessHeap shared_process_heap;

// Registers the fork handlers and the end of threads, once, as the interposer does at load time.
inline ProcessHeap& process_heap() {
  static const int registered = [] {
    ThreadExit::begin([](void* cache) { shared_process_heap.end_thread(cache); });
    return pthread_atfork([] { shared_process_heap.before_fork(); },
                          [] { shared_process_heap.after_fork_in_parent(); },
                          [] { shared_process_heap.after_fork_in_child(); });
  }();
  (void)registered;
  return shared_process_heap;
}

}  // namespace talc
