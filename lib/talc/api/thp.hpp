// Huge pages: what settings.thp means. One place sets it, for the mode `never` is the kernel's to keep:
// other processes of the same user may have asked for huge pages everywhere.
//
// The kernel's switch (prctl PR_SET_THP_DISABLE) holds for the whole process, its stacks and libraries
// too, and passes to children by fork and by exec. Options and talc_ctl set the mode; the HeapRegistry
// and huge blocks ask huge_from.
#pragma once

#include "talc/api/settings.hpp"
#include "talc/os/pages.hpp"

namespace talc {

inline void set_thp(Thp thp) {
  const Thp old = settings.thp.exchange(thp, std::memory_order_relaxed);
  if ((thp == Thp::never) != (old == Thp::never)) {
    Pages::forbid_huge(thp == Thp::never);
  }
}

// The size from which a heap should have huge pages; `adaptive` if it is up to the heap.
inline size_t huge_from(size_t adaptive) {
  switch (settings.thp.load(std::memory_order_relaxed)) {
    case Thp::always:
      return 0;
    case Thp::never:
      return ~size_t{0};
    case Thp::adaptive:
      break;
  }
  return adaptive;
}

}  // namespace talc
