// Where a block goes: the searches of Talc among its gaps.
//
// While memory is plenty, the first gap of the first bin that fits. While it is scarce, the smallest of
// several, and rather the largest of all than one that would leave a remainder of little use
// (docs/decisions/0004). Before failure, every gap there is. What is cut from a gap is its low end, so
// that what is on top stays on top.
#pragma once

#include "talc/core/talc.hpp"

namespace talc {

template <class Handler, Config kConfig>
inline bool Talc<Handler, kConfig>::look_whether_scarce() {
  if constexpr (kConfig.compact) {
    is_scarce_ = bins_.last_occupied() < plenty_bin_;
    return is_scarce_;
  } else {
    return false;
  }
}

// A gap of at least `need` bytes, wherever its base is. Null: the last look, find_anywhere, is due.
template <class Handler, Config kConfig>
inline Gap* Talc<Handler, kConfig>::find_plain(size_t need) {
  const unsigned bin = TheBins::ceiling_index(need);
  if (bin >= bins_.count()) [[unlikely]] {
    return nullptr;
  }
  if (look_whether_scarce()) {
    return find_packed(need, bin);
  }
  Gap* const gap = bins_.first_from(bin);
  if (kConfig.spare_top && gap != nullptr && gap->acme() == heaps_->acme) [[unlikely]] {
    return find_instead_of_top(gap);
  }
  return gap;
}

// A gap that is as large as the newest heap's top, or larger, but the top itself if there is no other.
template <class Handler, Config kConfig>
[[gnu::noinline]] Gap* Talc<Handler, kConfig>::find_instead_of_top(Gap* top) {
  if (top->next != bins_.end()) {
    return top->next;
  }
  const unsigned bin = bins_.next_above(bins_.index(top->size));
  return bin == TheBins::kNone ? top : bins_.first(bin);
}

// As find_plain, but with an eye to what will be asked later: looks at several gaps of a bin, and
// breaks the largest gap rather than leave a small one of little use.
template <class Handler, Config kConfig>
[[gnu::noinline]] Gap* Talc<Handler, kConfig>::find_packed(size_t need, unsigned bin) {
  constexpr unsigned kGoodFit = TheBins::kPerDoubling / 8;  // a gap that is larger by 1/8 at most
  constexpr size_t kLargeShare = 512;                       // of what is claimed

  merge_waiting();
  if (Gap* const gap = bins_.best_of(bins_.index(need), need)) {
    return gap;
  }
  const unsigned found = bins_.next_occupied(bin);
  if (found == TheBins::kNone) {
    return nullptr;
  }
  if (found - bin > kGoodFit) {
    Gap* const largest = bins_.first(bins_.last_occupied());
    if (largest->size >= need && largest->size >= claimed_bytes_ / kLargeShare) {
      return largest;
    }
  }
  return bins_.best_of(found, need);
}

template <class Handler, Config kConfig>
inline typename Talc<Handler, kConfig>::Fit Talc<Handler, kConfig>::find_fit(size_t need,
                                                                             size_t align,
                                                                             size_t offset) {
  Gap* gap = find_plain(need);
  if (gap != nullptr) [[likely]] {
    const size_t skip = skip_in(gap, align, offset);
    if (skip + need <= gap->size) [[likely]] {
      return {gap, gap->base() + skip};
    }
    gap = find_plain(need + align - kWordSize);
    if (gap != nullptr) [[likely]] {
      return {gap, gap->base() + skip_in(gap, align, offset)};
    }
  }
  return {nullptr, nullptr};
}

// The first gap in which the request fits, of every gap that is large enough, smallest bins first.
template <class Handler, Config kConfig>
inline Gap* Talc<Handler, kConfig>::find_first(size_t need, size_t align, size_t offset) {
  for (unsigned bin = bins_.has_table() ? bins_.index(need) : 0; bin < bins_.count();
       bin = bins_.next_above(bin)) {
    count_step();
    for (Gap* gap = bins_.first(bin); gap != bins_.end(); gap = gap->next) {
      count_step();
      if (skip_in(gap, align, offset) + need <= gap->size) {
        return gap;
      }
    }
  }
  return nullptr;
}

// The last look before failure, after merging what waits to be merged.
template <class Handler, Config kConfig>
[[gnu::cold, gnu::noinline]] Gap* Talc<Handler, kConfig>::find_anywhere(size_t need, size_t align,
                                                                        size_t offset) {
  merge_waiting();
  return find_first(need, align, offset);
}

}  // namespace talc
