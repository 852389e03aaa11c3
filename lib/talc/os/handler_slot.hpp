// HandlerSlot: a function of the program's and its argument, set by any thread and called by others,
// without a lock to wait for.
//
// A number that is odd while somebody writes; who reads looks again until it is even and the same
// before and after (a seqlock). A child of a fork may find it odd for good: so nobody waits for longer
// than kPatience. A constant at the start. Used for what control.h lets a program set.
#pragma once

#include <atomic>

#include "talc/os/pause.hpp"

namespace talc {

template <class Function>
class HandlerSlot {
 public:
  struct Handler {
    Function* function = nullptr;
    void* arg = nullptr;
  };

  constexpr HandlerSlot() = default;

  // No function: none was set, or a fork cut short who was setting one.
  Handler get() const {
    for (unsigned tries = 0; tries < kPatience; ++tries) {
      const unsigned before = sequence_.load(std::memory_order_acquire);
      if (before % 2 == 0) {
        const Handler handler = {function_.load(std::memory_order_acquire),
                                 arg_.load(std::memory_order_acquire)};
        if (sequence_.load(std::memory_order_relaxed) == before) {
          return handler;
        }
      }
      pause_1_ms();
    }
    return {};
  }

  void set(Handler handler) {
    const unsigned odd = begin();
    function_.store(handler.function, std::memory_order_release);
    arg_.store(handler.arg, std::memory_order_release);
    sequence_.store(odd + 1, std::memory_order_release);
  }

 private:
  static constexpr unsigned kPatience = 100;

  // Makes the number odd, and returns it.
  unsigned begin() {
    for (unsigned tries = 0;; ++tries) {
      unsigned now = sequence_.load(std::memory_order_relaxed);
      if (tries == kPatience) {
        now &= ~1U;  // who made it odd is not in this process
        sequence_.store(now + 1, std::memory_order_relaxed);
        return now + 1;
      }
      if (now % 2 == 0 &&
          sequence_.compare_exchange_strong(now, now + 1, std::memory_order_acquire)) {
        return now + 1;
      }
      pause_1_ms();
    }
  }

  std::atomic<unsigned> sequence_{0};
  std::atomic<Function*> function_{nullptr};
  std::atomic<void*> arg_{nullptr};
};

}  // namespace talc
