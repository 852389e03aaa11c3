// HeapRegistry: tells the page map which arena a heap belongs to, the footprint how large it is,
// and FreshMemory that it is new.
//
// The Registry that MapOnOom asks for, one an arena. While a heap is registered, `free` finds its
// arena by any pointer into it; afterwards its granules say "returned", so that a second free of a
// block whose heap has gone is known for what it is.
#pragma once

#include "talc/api/footprint.hpp"
#include "talc/api/fresh_memory.hpp"
#include "talc/front/page_map.hpp"

namespace talc {

template <class Kernel>
class HeapRegistry {
 public:
  constexpr explicit HeapRegistry(unsigned arena) : arena_(arena) {}

  unsigned arena() const { return __atomic_load_n(&arena_, __ATOMIC_RELAXED); }
  // Requires: no heap was added yet. Several threads may say the same at once.
  void set_arena(unsigned arena) { __atomic_store_n(&arena_, arena, __ATOMIC_RELAXED); }

  static bool reserve(Span heap) { return PageMap<Kernel>::reserve(heap); }

  void add(Span heap) {
    enter(heap);
    fresh_.add(heap);
  }

  void remove(Span heap) {
    PageMap<Kernel>::set(heap, PageEntry::returned());
    Footprint<Kernel>::shrink(heap.size());
    fresh_.remove(heap);
  }

  void put_back(Span heap) {
    enter(heap);
    fresh_.put_back(heap);
  }

  FreshMemory& fresh() { return fresh_; }

 private:
  void enter(Span heap) {
    PageMap<Kernel>::set(heap, PageEntry::heap(arena()));
    Footprint<Kernel>::grow(heap.size());
  }

  unsigned arena_;
  FreshMemory fresh_;
};

}  // namespace talc
