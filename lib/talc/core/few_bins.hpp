// FewBins: what Bins is, for those who want the least code.
//
// A bin for each power of two, in the engine itself instead of a table in the heap, and no bits that tell
// which of them are occupied: who searches looks at every bin from the first that may have a gap that
// fits, and at every gap there, so a search takes as long as there is something to look at.
//
//   bytes  [16, 32)  [32, 64)  [64, 128) …
//   bins       4         5         6           each a list that ends with null, what came last first
//
// Used by talc.hpp instead of bins.hpp where Config::small_code says so.
#pragma once

#include "talc/base/bits.hpp"
#include "talc/core/guard.hpp"

namespace talc {

template <class Guard = NoGuard>
class FewBins {
 public:
  constexpr FewBins() = default;
  // The gaps follow: the first one of each list points to its bin. Leaves `other` empty.
  constexpr FewBins(FewBins&& other) noexcept {
    for (unsigned bin = 0; bin < kWordBits; ++bin) {
      heads_[bin] = other.heads_[bin];
      other.heads_[bin] = nullptr;
      set_link(heads_[bin], &heads_[bin]);
    }
  }
  FewBins& operator=(FewBins&&) = delete;

  // As of Bins, but that there is no table.
  static constexpr unsigned kPerDoubling = 1;
  static constexpr unsigned kMaxCount = kWordBits;
  static constexpr unsigned ideal_index(size_t size) { return index(size); }
  static constexpr size_t table_bytes(unsigned) { return 0; }
  static constexpr bool has_table() { return true; }
  static constexpr char* table() { return nullptr; }
  static void adopt_table(char*, unsigned) {}

  static constexpr unsigned count() { return kWordBits; }
  static constexpr unsigned index(size_t size) { return floor_log2(size); }

  // Puts the gap [base, base + size) in, writing its header and its sizes.
  void insert(char* base, size_t size) {
    Gap** const head = &heads_[index(size)];
    Gap* const gap = gap_at(base);
    set_gap_size(base, size);
    gap->next = *head;
    set_link(*head, &gap->next);
    *head = gap;
    set_link(gap, head);
  }
  // Takes a gap out; its memory keeps what it held.
  void remove(Gap* gap) {
    if (Guard::kChecks && !is_linked(gap)) [[unlikely]] {
      Guard::on_corrupt_gap(gap);
    }
    Gap** const link = link_of(gap);
    *link = gap->next;
    set_link(gap->next, link);
  }

  // Walks: for (Gap* gap = first(bin); gap != end(); gap = gap->next).
  Gap* first(unsigned bin) const { return heads_[bin]; }
  static constexpr Gap* end() { return nullptr; }
  bool is_occupied(unsigned bin) const { return first(bin) != end(); }
  // Occupied or not: the bins are few.
  static constexpr unsigned next_above(unsigned bin) { return bin + 1; }
  static Gap** link_of(const Gap* gap) { return Guard::seal(gap->link, gap->size); }
  // Whether the gaps before and behind know this one.
  static bool is_linked(const Gap* gap) {
    Gap* const* const link = link_of(gap);
    return Guard::may_point(link) && *link == gap &&
           (gap->next == nullptr ||
            (Guard::may_point(gap->next) && link_of(gap->next) == &gap->next));
  }
  static constexpr bool summary_is_right() { return true; }  // There is none.

 private:
  static constexpr void set_link(Gap* gap, Gap** link) {
    if (gap != nullptr) {
      gap->link = Guard::seal(link, gap->size);
    }
  }

  Gap* heads_[kWordBits] = {};
};

}  // namespace talc
