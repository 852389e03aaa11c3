// GapPurge: gives the pages of a heap's gaps back, each once.
//
//   gap   | next | link | size | mark | from | pages … pages | … size |
//                              |      ^ its pages below this one have no memory: a gap that is too large
//                              |        for one part of a pass goes piece by piece, lowest first
//                              ^ hash of where the gap begins, how long it is and `from`, and its Age
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
  static constexpr size_t kForgetBytes = 3 * kWordSize;

  // Requires: the engine has a gap there, of kMinBytes at least, that is not fresh. False: the part is
  // over before all of the gap was given back that is due.
  static bool visit(Span gap, PurgePass& pass) {
    Age age = read(gap);
    Span pages = dirty_pages(gap, age);
    bool is_done = true;
    if (age.is_due(pass) && pages.is_sized()) {
      is_done = purge(pages, pass);
      if (!pages.is_sized()) {
        age.set_purged();
      }
    }
    if (pass.takes != PurgePass::Takes::nothing) {
      write(gap, age, pages.base);
    }
    pass.dirty_bytes += is_done ? pages.size() : 0;
    return is_done;
  }

  // What of the gap was given back and not used since. Requires: as visit.
  static Span purged_part(Span gap) {
    const Span pages = pages_of(gap);
    return Span(pages.base, dirty_pages(gap, read(gap)).base);
  }

  // A block begins at `payload` that may have been a gap until now: up to three words lie between the
  // beginning of a chunk and of its payload. Requires: the block has kForgetBytes; the tag of a smaller one
  // is where the mark was.
  static void forget_below(char* payload) { zero_bytes(payload, kForgetBytes); }

 private:
  static constexpr size_t kMarkAt = kForgetBytes;
  static constexpr size_t kFromAt = kMarkAt + kWordSize;
  static constexpr size_t kHeaderBytes = kFromAt + kWordSize;
  static constexpr size_t kAgeMask = 0xFF;

  // Gives back pages from the lowest on; those that are left are what `pages` is then. False: the part is
  // over.
  static bool purge(Span& pages, PurgePass& pass) {
    while (pages.is_sized() && pass.may_go_on()) {
      const Span piece = pass.lowest_piece(pages);
      if (!Kernel::purge(piece)) {
        return true;  // the kernel won't
      }
      pass.count_call(piece.size());
      pages.base = piece.acme;
    }
    return !pages.is_sized();
  }

  // Between the gap's header and the size in its last word.
  static Span pages_of(Span gap) {
    const size_t page = Kernel::page_size();
    return Span(align_up(gap.base + kHeaderBytes, page), align_down(gap.acme - kWordSize, page));
  }
  // Those that may have memory. What the program has written over a mark takes none but the gap's own.
  static Span dirty_pages(Span gap, Age age) {
    Span pages = pages_of(gap);
    char* const from = age.is_purged() ? pages.acme : is_marked(gap) ? from_of(gap) : pages.base;
    pages.base = from < pages.base || pages.acme < from ? pages.base : from;
    return pages;
  }

  static size_t mark(Span gap) { return load_word(gap.base + kMarkAt); }
  static char* from_of(Span gap) { return *reinterpret_cast<char* const*>(gap.base + kFromAt); }
  // The high bits of what is scattered, for which all bits below count; the low ones are the Age's.
  static size_t hash_of(Span gap) {
    const size_t where = scatter(load_word(gap.base + kFromAt) + scatter(gap.size()));
    return scatter(address_of(gap.base) + where) & ~kAgeMask;
  }
  static bool is_marked(Span gap) { return (mark(gap) & ~kAgeMask) == hash_of(gap); }
  static Age read(Span gap) {
    return is_marked(gap) ? Age(static_cast<uint8_t>(mark(gap))) : Age();
  }
  static void write(Span gap, Age age, const char* from) {
    store_word(gap.base + kFromAt, address_of(from));
    store_word(gap.base + kMarkAt, hash_of(gap) | age.bits());
  }
};

}  // namespace talc
