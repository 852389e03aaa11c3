// Bins: where gaps wait, sorted by size, and how one that fits is found in a bounded number of steps.
//
// Sizes are counted in words. Below 2M words (M = bins per doubling) each size has its own bin; above,
// each power of two is cut into M equal bins:
//
//   words   3  4  5 … 2M-1 | 2M … 4M-1 | 4M … 8M-1 | …
//   bins    0  1  2 …      | M of them | M of them | …        the last bin takes all that is larger
//
// One bit a bin says whether it is occupied, one bit of `summary_` whether a word of those bits is not
// zero: two count-trailing-zeros lead from any bin to the next occupied one. (A two-level bitmap over
// linearly divided powers of two is TLSF's: Masmano et al., ECRTS 2004.)
//
// The Guard says how far gaps are trusted. The arrays live in a chunk of the heap, as many bins as pay for its size; Bins only points to them,
// so it can be moved. Used by talc.hpp, which decides which gap is cut where.
#pragma once

#include "talc/base/bits.hpp"
#include "talc/base/steps.hpp"
#include "talc/core/guard.hpp"

namespace talc {

template <unsigned kLog2, class Guard = NoGuard>
class Bins {
 public:
  static constexpr unsigned kPerDoubling = 1U << kLog2;
  static constexpr unsigned kMaxCount = kWordBits * kWordBits;
  static constexpr unsigned kNone = ~0U;
  static constexpr unsigned kScanLimit = 8;
  static constexpr unsigned kLeastWords = kMinChunkSize / kWordSize;
  static constexpr unsigned kExactCount = 2 * kPerDoubling - kLeastWords;

  // The bin of gaps of `size` bytes if there were bins without end. Requires: size ≥ kMinChunkSize.
  static constexpr unsigned ideal_index(size_t size) {
    const size_t words = size / kWordSize;
    const unsigned shift = floor_log2(words | kPerDoubling) - kLog2;
    return (shift << kLog2) + static_cast<unsigned>(words >> shift) - kLeastWords;
  }

  // The first bin whose gaps all hold `size` bytes.
  static constexpr unsigned ceiling_index(size_t size) { return ideal_index(size - kWordSize) + 1; }

  // Bytes that the table of `count` bins takes.
  static constexpr size_t table_bytes(unsigned count) {
    return bitmap_bytes(count) + sizeof(Sentinels) + count * sizeof(Gap*);
  }

  constexpr unsigned count() const { return count_; }
  constexpr bool has_table() const { return count_ != 0; }
  char* table() const { return reinterpret_cast<char*>(sentinels_) - bitmap_bytes(count_); }

  // Takes `memory`, of table_bytes(count) bytes, for its table, and moves its gaps there.
  void adopt_table(char* memory, unsigned count);

  // Puts the gap [base, base + size) in, writing its header and its sizes.
  void insert(char* base, size_t size);
  // Takes a gap out; its memory keeps what it held.
  void remove(Gap* gap);

  unsigned index(size_t size) const {
    const unsigned ideal = ideal_index(size);
    return ideal < count_ ? ideal : count_ - 1;
  }
  // Walks: for (Gap* gap = first(bin); gap != end(); gap = gap->next).
  Gap* first(unsigned bin) const { return heads()[bin]; }
  Gap* end() const { return &sentinels_->end; }
  // The pointer that points to it.
  static Gap** link_of(const Gap* gap) { return Guard::seal(gap->link, gap->size); }
  // Stands for a gap that is not there: of no size, in no bin, and removing it changes nothing.
  Gap* none() const { return &sentinels_->none; }
  bool is_occupied(unsigned bin) const {
    return (occupied(bin / kWordBits) >> (bin % kWordBits) & 1) != 0;
  }

  // The first occupied bin at or above `bin`, or kNone.
  unsigned next_occupied(unsigned bin) const;
  // The first occupied bin above `bin`, or kNone.
  unsigned next_above(unsigned bin) const {
    return bin + 1 < count_ ? next_occupied(bin + 1) : kNone;
  }
  // A gap of the first occupied bin at or above `bin`, or null. In bins of one size, the two sizes
  // above the first are passed over: what they would leave is too small for a gap.
  Gap* first_from(unsigned bin) const;
  // The smallest of the first kScanLimit gaps in `bin` that hold `need` bytes, or null.
  Gap* best_of(unsigned bin, size_t need) const;
  // The last occupied bin, or some bin below kWordBits if there is no gap at all.
  unsigned last_occupied() const;

  // Whether the gaps before and behind know this one.
  bool is_linked(const Gap* gap) const {
    Gap* const* const link = link_of(gap);
    return Guard::may_point(link) && *link == gap &&
           (gap->next == end() ||
            (Guard::may_point(gap->next) && link_of(gap->next) == &gap->next));
  }

  // Whether the summary agrees with the words it sums up. Cost: O(count).
  bool summary_is_right() const;

 private:
  struct Sentinels {
    Gap end;  // every list ends here, so that there is always a next gap to write to
    Gap none;
  };

  Gap** heads() const { return reinterpret_cast<Gap**>(sentinels_ + 1); }
  AliasWord& occupied(unsigned word_index) const {
    return reinterpret_cast<AliasWord*>(sentinels_)[-1 - static_cast<ptrdiff_t>(word_index)];
  }
  static size_t size_at_acme(const Gap* gap) {
    return load_word(reinterpret_cast<const char*>(gap) + gap->size - kWordSize);
  }
  static constexpr size_t bitmap_bytes(unsigned count) {
    return (count + kWordBits - 1) / kWordBits * kWordSize;
  }

  Sentinels* sentinels_ = nullptr;
  size_t summary_ = 0;
  unsigned count_ = 0;
};

template <unsigned kLog2, class Guard>
inline void Bins<kLog2, Guard>::insert(char* base, size_t size) {
  const unsigned bin = index(size);
  Gap** const head = &heads()[bin];
  Gap* const next = *head;
  Gap* const gap = gap_at(base);
  gap->next = next;
  gap->link = Guard::seal(head, size);
  set_gap_size(base, size);
  next->link = Guard::seal(&gap->next, next->size);
  *head = gap;
  AliasWord& word = occupied(bin / kWordBits);
  const size_t before = word;
  word = before | size_t{1} << (bin % kWordBits);
  if (before == 0) [[unlikely]] {
    summary_ |= size_t{1} << (bin / kWordBits);
  }
}

template <unsigned kLog2, class Guard>
inline void Bins<kLog2, Guard>::remove(Gap* gap) {
  Gap* const next = gap->next;
  if (Guard::kChecks && gap != none() && !(is_linked(gap) && size_at_acme(gap) == gap->size))
      [[unlikely]] {
    Guard::on_corrupt_gap(gap);
  }
  Gap** const link = link_of(gap);
  *link = next;
  next->link = Guard::seal(link, next->size);
  const size_t slot = static_cast<size_t>(link - heads());
  const size_t emptied = size_t{next == end()} & size_t{slot < count_};
  const unsigned bin = static_cast<unsigned>(slot & (0 - emptied));
  AliasWord& word = occupied(bin / kWordBits);
  const size_t after = word & ~(emptied << (bin % kWordBits));
  word = after;
  if (after == 0) [[unlikely]] {
    summary_ &= ~(size_t{1} << (bin / kWordBits));
  }
}

template <unsigned kLog2, class Guard>
inline unsigned Bins<kLog2, Guard>::next_occupied(unsigned bin) const {
  const unsigned word_index = bin / kWordBits;
  const size_t here = occupied(word_index) >> (bin % kWordBits);
  if (here != 0) {
    return bin + count_trailing_zeros(here);
  }
  const size_t later = (summary_ >> word_index) & ~size_t{1};
  if (later == 0) {
    return kNone;
  }
  const unsigned next = word_index + count_trailing_zeros(later);
  return next * kWordBits + count_trailing_zeros(occupied(next));
}

template <unsigned kLog2, class Guard>
inline Gap* Bins<kLog2, Guard>::first_from(unsigned bin) const {
  const unsigned word_index = bin / kWordBits;
  const size_t passed_over = bin < kExactCount ? 0b110 : 0;
  const size_t here = (occupied(word_index) >> (bin % kWordBits)) & ~passed_over;
  if (here != 0) {
    return first(bin + count_trailing_zeros(here));
  }
  const size_t later = (summary_ >> word_index) & ~size_t{1};
  if (later == 0) {
    return nullptr;
  }
  const unsigned next = word_index + count_trailing_zeros(later);
  return first(next * kWordBits + count_trailing_zeros(occupied(next)));
}

template <unsigned kLog2, class Guard>
Gap* Bins<kLog2, Guard>::best_of(unsigned bin, size_t need) const {
  Gap* best = nullptr;
  unsigned left = kScanLimit;
  for (Gap* gap = first(bin); gap != end() && left != 0; gap = gap->next, --left) {
    count_step();
    if (gap->size >= need && (best == nullptr || gap->size < best->size)) {
      best = gap;
    }
  }
  return best;
}

template <unsigned kLog2, class Guard>
inline unsigned Bins<kLog2, Guard>::last_occupied() const {
  const unsigned word_index = floor_log2(summary_ | 1);
  return word_index * kWordBits + floor_log2(occupied(word_index) | 1);
}

template <unsigned kLog2, class Guard>
bool Bins<kLog2, Guard>::summary_is_right() const {
  size_t right = 0;
  for (unsigned bin = 0; bin < count_; ++bin) {
    right |= size_t{is_occupied(bin)} << (bin / kWordBits);
  }
  return summary_ == right;
}

template <unsigned kLog2, class Guard>
void Bins<kLog2, Guard>::adopt_table(char* memory, unsigned count) {
  const Bins old = *this;
  zero_bytes(memory, bitmap_bytes(count));
  sentinels_ = reinterpret_cast<Sentinels*>(memory + bitmap_bytes(count));
  sentinels_->end = {end(), Guard::seal(&sentinels_->end.next, 0), 0};
  sentinels_->none = {end(), Guard::seal(&sentinels_->none.next, 0), 0};
  count_ = count;
  summary_ = 0;
  for (unsigned bin = 0; bin < count; ++bin) {
    count_step();
    heads()[bin] = end();
  }
  for (unsigned bin = 0; bin < old.count_; ++bin) {
    for (Gap* gap = old.first(bin); gap != old.end();) {
      count_step();
      Gap* const next = gap->next;
      insert(gap->base(), gap->size);
      gap = next;
    }
  }
}

}  // namespace talc
