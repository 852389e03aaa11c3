// Footprint: how much memory the process heap has mapped, and the most it ever had. One a process.
//
// Two atomic words, changed only where the kernel is called anyway. Heaps (heap_registry.hpp) and
// huge blocks count themselves in and out; get_stats reads it.
#pragma once

#include <atomic>

#include "talc/base/word.hpp"

namespace talc {

class Footprint {
 public:
  void grow(size_t bytes) {
    const size_t now = mapped_.fetch_add(bytes, std::memory_order_relaxed) + bytes;
    size_t peak = peak_.load(std::memory_order_relaxed);
    while (now > peak && !peak_.compare_exchange_weak(peak, now, std::memory_order_relaxed)) {
    }
  }
  void shrink(size_t bytes) { mapped_.fetch_sub(bytes, std::memory_order_relaxed); }

  size_t mapped_bytes() const { return mapped_.load(std::memory_order_relaxed); }
  size_t peak_bytes() const { return peak_.load(std::memory_order_relaxed); }

 private:
  std::atomic<size_t> mapped_{0};
  std::atomic<size_t> peak_{0};
};

}  // namespace talc
