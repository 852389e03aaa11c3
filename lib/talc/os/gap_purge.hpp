// GapPurge: gives the pages of a heap's gaps back, each once.
//
//   gap   | next | link | size | mark | pages … pages | … size |
//                              ^ hash of where the gap begins and how long it is, and its Age
//
// The engine knows nothing of it: a gap that was carved or merged begins elsewhere or has another
// length, so the mark it finds is not its own, and it counts as touched. Whoever hands out a block at a
// gap's beginning clears the mark (`forget_below`), for the same gap may come back.
#pragma once

#include "talc/base/memory.hpp"
#include "talc/base/scatter.hpp"
#include "talc/base/span.hpp"
#include "talc/os/purge_pass.hpp"

namespace talc {

template <class Kernel>
class GapPurge {
 public:
  // Gaps smaller than this keep their pages.
  static constexpr size_t kMinBytes = size_t{16} << 10;

  // Requires: the engine has a gap there, of kMinBytes at least, that is not fresh.
  static void visit(Span gap, PurgePass& pass) {
    Age age = read(gap);
    const Span pages = pages_of(gap);
    const bool is_due = age.is_due(pass);
    if (is_due && pages.is_sized() && pass.may_call() && Kernel::purge(pages)) {
      age.set_purged();
      pass.count_call(pages.size());
    }
    if (pass.takes != PurgePass::Takes::nothing) {
      write(gap, age);
    }
    pass.dirty_bytes += age.is_purged() ? 0 : pages.size();
  }

  // What of the gap was given back and not used since. Requires: as visit.
  static Span purged_part(Span gap) { return read(gap).is_purged() ? pages_of(gap) : Span(); }

  // A block begins at `payload` that may have been a gap until now: up to three words lie between the
  // beginning of a chunk and of its payload. Of a block that is smaller than kMinBytes it does not
  // matter. Requires: the block has three words.
  static void forget_below(char* payload) { zero_bytes(payload, kHeaderBytes - kWordSize); }

 private:
  static constexpr size_t kHeaderBytes = 4 * kWordSize;
  static constexpr size_t kAgeMask = 0xFF;

  static char* mark_of(char* base) { return base + kHeaderBytes - kWordSize; }

  // Between the gap's header and the size in its last word.
  static Span pages_of(Span gap) {
    const size_t page = Kernel::page_size();
    return Span(align_up(gap.base + kHeaderBytes, page), align_down(gap.acme - kWordSize, page));
  }

  // The high bits of what is scattered, for which all bits below count; the low ones are the Age's.
  static size_t hash_of(Span gap) {
    return scatter(address_of(gap.base) + scatter(gap.size())) & ~kAgeMask;
  }
  static Age read(Span gap) {
    const size_t mark = load_word(mark_of(gap.base));
    return (mark & ~kAgeMask) == hash_of(gap) ? Age(static_cast<uint8_t>(mark)) : Age();
  }
  static void write(Span gap, Age age) { store_word(mark_of(gap.base), hash_of(gap) | age.bits()); }
};

}  // namespace talc
