// WasmHandler: the OOM handler of WebAssembly modules. It has the module's memory grow, by memory.grow.
//
//   | data, stack |  first heap  | grown by us | grown by others |  second heap  …
//   0        __heap_base     __heap_end        (the JavaScript side, another allocator)
//
// Pages that come right above its last heap make that heap larger; where others have grown the memory
// meanwhile, they begin a new heap. So few heaps, and none of its pages is ever lost; WebAssembly gives
// none back. What the linker leaves above the module's data and stack is claimed before memory grows.
//
// A heap ends one word below the end of its pages. So its acme is no address 0, where memory ends at 4 GiB;
// and all blocks of CHeap (c/c_heap.hpp) lie where no room is lost to their alignment.
//
// `Memory` is what grows: the module's own, or a test's.
#pragma once

#include "talc/oom/oom_handler.hpp"

namespace talc {

#ifdef __wasm__

// What the linker says of the first memory. wasm-ld up to 14 does not tell the end.
extern "C" char __heap_base;
extern "C" [[gnu::weak]] char __heap_end;

// The module's memory.
struct WasmMemory {
  // WebAssembly's unit of growth.
  static constexpr size_t kPageBytes = size_t{64} << 10;

  // Returns `pages` new pages, or the null span if the memory can't grow so far.
  static Span grow(size_t pages) {
    const size_t before = __builtin_wasm_memory_grow(0, pages);
    if (before == ~size_t{0}) {
      return Span();
    }
    char* const base = reinterpret_cast<char*>(before * kPageBytes);
    return Span(base, base + pages * kPageBytes);
  }
  // What nobody uses of the memory that the module begins with. Where the linker does not tell, the rest of
  // one page: more pages may already be those of others, who had the memory grow.
  static Span initial() {
    char* const end = &__heap_end;
    return Span(&__heap_base, end != nullptr ? end : align_up(&__heap_base, kPageBytes));
  }
};

#else

// Nothing but WebAssembly has it.
struct WasmMemory;

#endif

// A heap grows by 1/2^kGrowthLog2 of itself at least, while the memory can; 0: by no more than is needed.
template <unsigned kGrowthLog2 = 0, class Memory = WasmMemory>
class WasmHandler {
 public:
  constexpr WasmHandler() = default;
  // For another memory than the module's: a test's.
  constexpr explicit WasmHandler(Memory memory) : memory_(memory) {}

  // Ensures: true if there is more memory now, though it may take two calls to be enough: one for what the
  // module begins with, or where others have grown the memory. Cost: memory.grow, at most two times.
  template <class TalcType>
  bool handle_oom(TalcType& talc, size_t size, size_t align) {
    Span pages = memory_.initial();
    if (has_begun_) {
      pages = grow_for(talc, size + align);
      if (pages.base == nullptr) {
        return false;
      }
    }
    has_begun_ = true;
    const Span added(pages.base - kTail, pages.acme - kTail);
    if (added.base == heap_.acme) {
      talc.raise(heap_, added.acme);
      heap_.acme = added.acme;
    } else if (const Span heap(pages.base, added.acme); talc.claim_aligned(heap)) {
      heap_ = heap;
    }
    return true;
  }

 private:
  // Beyond the request: its tag, rounding, the header of a new heap, the word below the end.
  static constexpr size_t kOverhead = 8 * kWordSize;
  // Bytes between a heap's acme and the end of its pages.
  static constexpr size_t kTail = kWordSize;

  // New pages; the null span if there are none. Wherever the block begins, `bytes` hold it, and what is free
  // on top of the heap is part of them.
  template <class TalcType>
  Span grow_for(TalcType& talc, size_t bytes) {
    const size_t top_bytes = heap_.base != nullptr ? talc.get_top_bytes(heap_) : 0;
    bytes += kOverhead;
    bytes = bytes > top_bytes ? bytes - top_bytes : 0;
    const size_t pages = bytes / Memory::kPageBytes + 1;
    if constexpr (kGrowthLog2 != 0) {
      const size_t more = (heap_.size() >> kGrowthLog2) / Memory::kPageBytes;
      const Span grown = more > pages ? memory_.grow(more) : Span();
      if (grown.base != nullptr) {
        return grown;
      }
    }
    return memory_.grow(pages);
  }

  // What was claimed last.
  Span heap_;
  bool has_begun_ = false;
  [[no_unique_address]] Memory memory_;
};

}  // namespace talc
