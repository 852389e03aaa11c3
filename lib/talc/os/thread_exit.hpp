// ThreadExit: tells when a thread ends, once for each thread that asked.
//
// By a key of pthread_setspecific: a thread_local with a destructor would need the C++ runtime, and
// the registration of one allocates. The key must be made before it is needed, by a constructor of
// the library; until then nobody is told, which is right for the main thread, whose end is the
// process's. Other libraries' destructors may run after the function, and allocate.
#pragma once

#include <pthread.h>

#include <atomic>

namespace talc {

class ThreadExit {
 public:
  // Ensures: arm works from now on. `at_end` gets what arm was given, on the thread that ends.
  // Nobody is told if the process has no key left.
  static void begin(void (*at_end)(void*)) {
    if (pthread_key_create(&key_, at_end) == 0) {
      has_key_.store(true, std::memory_order_release);
    }
  }

  // Asks to be told of this thread's end; with null, no longer. May allocate.
  static void arm(void* value) {
    if (has_key_.load(std::memory_order_acquire)) {
      pthread_setspecific(key_, value);
    }
  }

 private:
  static inline constinit pthread_key_t key_{};
  static inline constinit std::atomic<bool> has_key_{false};
};

}  // namespace talc
