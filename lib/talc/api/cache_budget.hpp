// CacheBudget: how much caches of threads may hold of one kind, all together.
//
//   granted to all   0 …… ¼ …… ½ …… ¾ …… budget ……        of the budget
//   one may have      most | ½ | ¼  | ⅛  |      0          of what it could have alone
//
// The budget is a number of bytes, or a share of what is mapped if that is more. What was granted stays
// so until it is given back, whether it is used or not: so what caches hold is within the budget, but for
// what threads are granted in the same moment. MagazineSupply has one, ThreadCaches has two; together
// they are within 64 MiB, or a twentieth of what is mapped.
#pragma once

#include <atomic>

#include "talc/api/footprint.hpp"

namespace talc {

template <class Kernel, size_t kLeastBytes, size_t kShare>
class CacheBudget {
 public:
  constexpr CacheBudget() = default;

  // Of `most`, what one may have now.
  size_t part_of(size_t most) const {
    const size_t share = Footprint<Kernel>::mapped_bytes() / kShare;
    const size_t quarter = (share < kLeastBytes ? kLeastBytes : share) / 4;
    const size_t granted = granted_.load(std::memory_order_relaxed);
    // Below zero in the child of a fork that a signal handler made while this thread gave back: nothing then.
    const size_t quarters = granted > ~size_t{0} / 2 ? 0 : granted / quarter;
    return quarters >= 4 ? 0 : most >> quarters;
  }
  // What a cache may hold from now on that may hold `held`: `wanted`, less where the budget is short, and
  // `held` still if not even `least` is to be had. Requires: held < least ≤ wanted.
  size_t raise(size_t held, size_t least, size_t wanted, size_t most) {
    const size_t part = part_of(most);
    const size_t limit = wanted < part ? wanted : part;
    if (limit < least) {
      return held;
    }
    grant(limit - held);
    return limit;
  }
  void grant(size_t bytes) { granted_.fetch_add(bytes, std::memory_order_relaxed); }
  // Nothing is not worth the line that all threads write.
  void give_back(size_t bytes) {
    if (bytes != 0) {
      granted_.fetch_sub(bytes, std::memory_order_relaxed);
    }
  }
  // In the child of a fork: what was granted to threads that it does not have is nobody's.
  void restart() { granted_.store(0, std::memory_order_relaxed); }

 private:
  std::atomic<size_t> granted_{0};
};

}  // namespace talc
