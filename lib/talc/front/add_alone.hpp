// add_alone(): adds to an atomic count that nobody but the caller changes, though others read it.
//
// A relaxed load, a sum and a relaxed store, never a locked instruction. Where x86-64 adds to memory
// with one instruction clang uses that, and gcc has to be told. A signal handler finds it done or
// not begun there. Used by Magazine on the fast path of malloc, by MiddleBlocks, HotBlocks and
// Quarantine.
#pragma once

#include <atomic>

#include "talc/base/word.hpp"

namespace talc {

inline void add_alone(std::atomic<size_t>& count, size_t amount) {
#if defined(__x86_64__) && defined(__LP64__) && !defined(__clang__) && !defined(__SANITIZE_THREAD__)
  __asm__("addq %1, %0" : "+m"(count) : "er"(amount) : "cc");
#else
  count.store(count.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
#endif
}

}  // namespace talc
