// Reserve: memory that is mapped ahead, and given up when a request cannot be served: enough for the
// program to notice, to put things in order, and to end or free something.
//
//   set ──> | size |   untouched …   |  ── give_up, out of memory ──>  nothing  ── refill ──> | size | …
//
// What it holds ready is addresses, the right to them (limits, commit, the heap's own limit), not
// pages: the kernel never says that it has no more pages, so touching them ahead would cost memory and
// gain nothing. Given up means unmapped: then any request may have it, of any size, in any arena. It
// says itself how long it is, so one word says whose it is, and nobody waits for anybody; what a fork
// copies is whole. Used by the interposer: out_of_memory.cpp gives it up, purging refills it.
#pragma once

#include <atomic>

#include "talc/api/footprint.hpp"
#include "talc/base/memory.hpp"
#include "talc/os/pages.hpp"

namespace talc {

template <class Kernel>
class Reserve {
 public:
  constexpr Reserve() = default;

  // From now on it is to have so many bytes, rounded up to pages; 0: there is to be none. Returns
  // whether all of it is there.
  bool set(size_t bytes) {
    const size_t page = Kernel::page_size();
    if (bytes > kMaxBytes) {
      return false;
    }
    wanted_bytes_.store(align_up(bytes, page), std::memory_order_relaxed);
    give_up();
    return refill();
  }

  // Unmaps it. Returns its bytes; 0 if it was not there, or the kernel would not take it: then it stays.
  size_t give_up() {
    char* const base = base_.exchange(nullptr, std::memory_order_acquire);
    if (base == nullptr) {
      return 0;
    }
    const size_t bytes = load_word(base);
    char* expected = nullptr;
    if (!unmap(base, bytes)) {
      base_.compare_exchange_strong(expected, base, std::memory_order_release);
      return 0;
    }
    return bytes;
  }

  // Maps it again if it is not there. Returns whether it is as it should be. Cost: a load or two; a
  // system call while it is missing.
  bool refill() {
    for (;;) {
      const size_t wanted = wanted_bytes_.load(std::memory_order_relaxed);
      char* base = base_.load(std::memory_order_relaxed);
      if (wanted == 0 || base != nullptr) {
        return true;
      }
      char* const fresh = map(wanted);
      if (fresh == nullptr) {
        return false;
      }
      if (!base_.compare_exchange_strong(base, fresh, std::memory_order_release)) {
        unmap(fresh, wanted);
      } else if (wanted_bytes_.load(std::memory_order_relaxed) != wanted) {
        give_up();  // it was set to something else meanwhile
      }
    }
  }

  size_t wanted_bytes() const { return wanted_bytes_.load(std::memory_order_relaxed); }
  // What is there.
  size_t held_bytes() const { return held_bytes_.load(std::memory_order_relaxed); }

 private:
  static constexpr size_t kMaxBytes = ~size_t{0} / 4;

  char* map(size_t bytes) {
    if (!Footprint<Kernel>::try_grow(bytes)) {
      return nullptr;
    }
    char* const base = Kernel::map(nullptr, bytes);
    if (base == nullptr) {
      Footprint<Kernel>::shrink(bytes);
      return nullptr;
    }
    Footprint<Kernel>::raise_peak();
    held_bytes_.fetch_add(bytes, std::memory_order_relaxed);
    store_word(base, bytes);
    return base;
  }

  bool unmap(char* base, size_t bytes) {
    if (!Kernel::unmap(Span::from_base_size(base, bytes))) {
      return false;
    }
    held_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
    Footprint<Kernel>::shrink(bytes);
    return true;
  }

  std::atomic<size_t> wanted_bytes_{0};
  std::atomic<char*> base_{nullptr};
  std::atomic<size_t> held_bytes_{0};
};

}  // namespace talc
