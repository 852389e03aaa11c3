// ClassMap: which size class serves a request at the moment.
//
//   request     385 … 400 | … 416 | … 432 | … 448 |      at first the coarse class serves them all,
//   served by      448       448     448     448         and sizes that nobody asks for cost nothing;
//   sharpened      400       416     432     448         where much is live, each has its own
//
// A table by steps of 16 bytes. Only what comes is affected: blocks that there are remain of their
// class, which the page map knows. One map a process (for each Kernel, as the page map), read on the
// fast path and written once for each coarse class at most; readers see one class or the other, and
// either holds the size. SlabBank sharpens, ProcessHeap asks.
#pragma once

#include "talc/front/size_classes.hpp"

namespace talc {

template <class Kernel>
class ClassMap {
 public:
  // The class that serves `size`, times SizeClasses::kScale. Requires: size ≤ SizeClasses::kMaxSize.
  // Cost: one load.
  static unsigned scaled_class_of(size_t size) {
    return __atomic_load_n(&table_.scaled[(size + SizeClasses::kStep - 1) / SizeClasses::kStep],
                           __ATOMIC_RELAXED);
  }

  // The class that serves `size`. Requires: size ≤ SizeClasses::kMaxSize.
  static unsigned class_of(size_t size) { return scaled_class_of(size) / SizeClasses::kScale; }

  // The class that serves `size` if its slots are to be multiples of `align`; SizeClasses::kCount if
  // there is none. Requires: size ≤ SizeClasses::kMaxSize; `align` is a power of two.
  static unsigned class_for(size_t size, size_t align) {
    size_t aligned = align_up(size == 0 ? 1 : size, align);
    for (; aligned >= size && aligned <= SizeClasses::kMaxSize; aligned += align) {
      if (const unsigned found = class_of(aligned); SizeClasses::size_of(found) % align == 0) {
        return found;
      }
    }
    return SizeClasses::kCount;
  }

  // From now on each size that this coarse class serves is served by the smallest class that holds
  // it. Of a class that is no coarse one nothing changes. Cost: linear in its sizes, once.
  static void sharpen(unsigned coarse) {
    size_t size = SizeClasses::size_of(coarse) - SizeClasses::kStep;
    for (; size != 0 && class_of(size) == coarse; size -= SizeClasses::kStep) {
      __atomic_store_n(&table_.scaled[size / SizeClasses::kStep],
                       scaled(SizeClasses::class_of(size)), __ATOMIC_RELAXED);
    }
  }

 private:
  static constexpr unsigned kSteps = SizeClasses::kMaxSize / SizeClasses::kStep;

  // Changed and read at once by several threads: by atomic operations, relaxed.
  struct Table {
    uint16_t scaled[kSteps + 1];
  };

  static constexpr uint16_t scaled(unsigned size_class) {
    return static_cast<uint16_t>(size_class * SizeClasses::kScale);
  }

  // At first every size is served by its coarse class.
  static constexpr Table make_table() {
    Table table{};
    for (unsigned i = 0; i <= kSteps; ++i) {
      table.scaled[i] =
          scaled(SizeClasses::coarse_of(SizeClasses::class_of(i * SizeClasses::kStep)));
    }
    return table;
  }
  static constinit Table table_;
};

template <class Kernel>
inline constinit typename ClassMap<Kernel>::Table ClassMap<Kernel>::table_ = make_table();

}  // namespace talc
