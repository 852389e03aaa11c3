// FreshMemory: which part of an arena's growing heap nobody has written to since the kernel gave
// it.
//
//   heap  | blocks, gaps, old contents …        | zero …                             | size |
//                              recent ^         ^ frontier                           ^ the top gap's
//
// What lies between the top of what was used since the purger's last pass (recent) and the frontier
// goes back to the kernel with the next one: then the frontier is there. A cleared block that lies above the frontier need not be cleared, and its pages stay untouched
// until the program uses them. The engine writes little where it has no blocks: the top gap's
// header, which the frontier is kept clear of, and its size in the heap's last word, which is left
// behind when the heap grows. Heaps other than the newest are taken for old throughout. A
// HeapRegistry feeds it with heaps, the Arena with blocks and questions, both under the arena's
// lock.
#pragma once

#include "talc/base/memory.hpp"
#include "talc/base/span.hpp"

namespace talc {

class FreshMemory {
 public:
  // The kernel has given `memory`: all zero, a heap of its own or what the newest one has grown by.
  void add(Span memory) {
    if (memory.base != heap_.acme) {
      heap_ = memory;
      recent_ = old_ = memory.base + kBottom;
      left_word_ = nullptr;
      return;
    }
    if (left_word_ >= frontier()) {
      old_ = memory.base;  // one word is remembered, not two
    }
    left_word_ = memory.base - kWordSize;
    heap_.acme = memory.acme;
  }

  // `memory` went back to the kernel: if it comes again, it is zero.
  void remove(Span memory) {
    if (memory.acme == heap_.acme) {
      heap_.acme = memory.base;
      recent_ = lower(recent_, memory.base);
      old_ = lower(old_, memory.base);
    }
  }

  // `memory` was removed, but the kernel would not take it.
  void put_back(Span memory) {
    if (memory.base == heap_.acme) {
      heap_.acme = memory.acme;
      old_ = memory.acme;
    }
  }

  // Whether a new block, of which `use` has not been told yet, has not been written to, but for its
  // first words.
  bool is_untouched(const char* block) const {
    return heap_.contains(block) && block + kAboveBlock >= frontier();
  }

  // A block ends at `end` now. To be told of each, when it is allocated and when it has grown.
  void use(char* end) {
    char* const old = end + kAboveBlock;
    if (old > recent_ && end > heap_.base && end <= heap_.acme) {
      recent_ = old;
    }
  }

  // Makes all of the new block zero, of which `use` has not been told yet.
  void clear(Span block) const {
    char* const old = frontier() < block.base + kHeader ? block.base + kHeader : frontier();
    if (!heap_.contains_span(block) || old >= block.acme) {
      zero_bytes(block.base, block.size());
      return;
    }
    zero_bytes(block.base, static_cast<size_t>(old - block.base));
    if (old <= left_word_ && left_word_ < block.acme) {
      const Span left = Span::from_base_size(left_word_, kWordSize).fit_within(block);
      zero_bytes(left.base, left.size());
    }
  }

  // ---- purging ----

  // Whether `gap` is the one on top, of which this knows what has pages.
  bool is_top(Span gap) const { return gap.acme == heap_.acme && heap_.is_sized(); }

  // Bytes above the frontier.
  size_t untouched_bytes() const { return Span(frontier(), heap_.acme).size(); }

  // What of the top gap has pages.
  Span dirty_part(Span gap) const { return Span(gap.base, lower(frontier(), gap.acme)); }

  // The same without what was in use since the pass before this one; of a gap of which all is to go,
  // all but its header. Once a pass.
  Span begin_pass(Span gap, bool takes_all) {
    char* const used = gap.base + kHeader;
    char* const from = takes_all || recent_ < used ? used : recent_;
    old_ = frontier();
    recent_ = used;
    return Span(from, lower(old_, gap.acme));
  }

  // What of `due` is still in the gap, and nobody has used since that pass began.
  Span still_due(Span due, Span gap) const {
    char* const used = gap.base + kHeader < recent_ ? recent_ : gap.base + kHeader;
    return due.fit_within(Span(used, gap.acme));
  }

  // These pages of the top gap were given back.
  void forget(Span pages) {
    if (pages.acme >= old_ && pages.base < old_) {
      old_ = pages.base;
    }
  }

 private:
  static char* lower(char* a, char* b) { return a < b ? a : b; }

  char* frontier() const { return recent_ < old_ ? old_ : recent_; }

  // A heap's header, and the engine's table in the first one: at most 1/128 of MapOnOom::kMinStep.
  static constexpr size_t kBottom = size_t{16} << 10;
  // A gap's header, which may have been where a block is now.
  static constexpr size_t kHeader = 4 * kWordSize;
  // Above a block: its tag, less slack than makes a gap, and the header of the gap that follows.
  static constexpr size_t kAboveBlock = 8 * kWordSize;

  Span heap_;
  char* recent_ = nullptr;  // where what was used since the last pass ends, or lower
  char* old_ = nullptr;     // where what was used before it ends
  char* left_word_ =
      nullptr;  // where the top gap ended before the heap grew; old below the frontier
};

}  // namespace talc
