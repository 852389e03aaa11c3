// FlakyPages: a kernel that refuses what a test tells it to. The one way to inject failures.
//
// Each refusal is a count: how many calls of that primitive still succeed; kAlways is no limit. Tag
// tells kernels apart, since what is kept for each Kernel type (a page map) is kept for the whole
// process.
#pragma once

#include <limits.h>
#include <stddef.h>

#include <atomic>

#include "talc/os/pages.hpp"

namespace talc {

template <class Tag>
class FlakyPages : public Pages {
 public:
  static constexpr int kAlways = INT_MAX;

  static inline std::atomic<int> maps_left = kAlways;
  static inline std::atomic<int> unmaps_left = kAlways;
  static inline std::atomic<int> resizes_left = kAlways;
  static inline std::atomic<int> moves_left = kAlways;
  static inline std::atomic<int> purges_left = kAlways;
  static inline std::atomic<int> advices_left = kAlways;
  // Requests for more than this are refused.
  static inline size_t largest = ~size_t{0};

  static void allow_all() {
    for (std::atomic<int>* left :
         {&maps_left, &unmaps_left, &resizes_left, &moves_left, &purges_left, &advices_left}) {
      *left = kAlways;
    }
    largest = ~size_t{0};
  }

  static char* map(char* hint, size_t size_bytes) {
    return size_bytes <= largest && spend(maps_left) ? Pages::map(hint, size_bytes) : nullptr;
  }
  static bool unmap(Span pages) { return spend(unmaps_left) && Pages::unmap(pages); }
  static bool resize_in_place(Span pages, size_t new_size_bytes) {
    const bool allowed = new_size_bytes < pages.size() || new_size_bytes - pages.size() <= largest;
    return allowed && spend(resizes_left) && Pages::resize_in_place(pages, new_size_bytes);
  }
  static char* move(Span pages, size_t new_size_bytes) {
    return spend(moves_left) ? Pages::move(pages, new_size_bytes) : nullptr;
  }
  static bool advise_huge(Span pages) { return spend(advices_left) && Pages::advise_huge(pages); }
  static bool purge(Span pages) { return spend(purges_left) && Pages::purge(pages); }

 private:
  static bool spend(std::atomic<int>& left) {
    if (left == 0) {
      return false;
    }
    if (left != kAlways) {
      left -= 1;
    }
    return true;
  }
};

}  // namespace talc
