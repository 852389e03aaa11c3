// The operations of Talc on blocks: malloc, free, grow, shrink, realloc.
//
// A search never looks at more than `scan_limit` gaps of a bin, except the last one before failure is
// reported. What is cut from a gap is its low end, so that what is on top stays on top.
#pragma once

#include "talc/core/talc.hpp"

namespace talc {

template <class Handler, Config kConfig>
inline void Talc<Handler, kConfig>::insert_gap(char* base, size_t size) {
  bins_.insert(base, size);
  tally_.on_insert_gap(size);
}

template <class Handler, Config kConfig>
inline void Talc<Handler, kConfig>::remove_gap(Gap* gap) {
  tally_.on_remove_gap(gap->size);
  bins_.remove(gap);
}

// ---- searching ----

// How far above the base of `gap` a payload would begin: less than `align`. Whether it fits is told by
// sizes, never by comparing where it would end: that may be beyond the last address there is.
inline size_t skip_in(Gap* gap, size_t align, size_t offset) {
  return (0 - (address_of(gap->base()) + offset)) & (align - 1);
}

template <class Handler, Config kConfig>
inline bool Talc<Handler, kConfig>::look_whether_scarce() {
  if constexpr (kConfig.compact) {
    is_scarce_ = bins_.last_occupied() < plenty_bin_;
  }
  return is_scarce_;
}

// A gap of at least `need` bytes, wherever its base is. Null: the last look, find_anywhere, is due.
template <class Handler, Config kConfig>
inline Gap* Talc<Handler, kConfig>::find_plain(size_t need) {
  const unsigned bin = TheBins::ceiling_index(need);
  if (bin >= bins_.count()) [[unlikely]] {
    return nullptr;
  }
  return look_whether_scarce() ? find_packed(need, bin) : bins_.first_from(bin);
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

// The last look before failure: every gap that is large enough, smallest bins first, after merging
// what waits to be merged.
template <class Handler, Config kConfig>
[[gnu::cold, gnu::noinline]] typename Talc<Handler, kConfig>::Fit
Talc<Handler, kConfig>::find_anywhere(size_t need, size_t align, size_t offset) {
  merge_waiting();
  const unsigned first_bin = bins_.has_table() ? bins_.index(need) : 0;
  for (unsigned bin = first_bin; bin < bins_.count(); ++bin) {
    for (Gap* gap = bins_.first(bin); gap != bins_.end(); gap = gap->next) {
      count_step();
      const size_t skip = skip_in(gap, align, offset);
      if (skip + need <= gap->size) {
        return {gap, gap->base() + skip};
      }
    }
  }
  return {nullptr, nullptr};
}

// ---- malloc ----

// Finds, in debug builds, the handler that says "try again" for ever: it may go through several sources
// of memory, but sooner or later there must be more, claimed or free.
struct LoopGuard {
  static constexpr int kPatience = 64;
  size_t most_bytes = 0;
  int fruitless = 0;

  void check(size_t claimed_and_free_bytes) {
    fruitless = claimed_and_free_bytes > most_bytes ? 0 : fruitless + 1;
    most_bytes = claimed_and_free_bytes > most_bytes ? claimed_and_free_bytes : most_bytes;
    if (fruitless > kPatience) {
      assertion_failed("the OOM handler loops: it says to try again, but adds no memory");
    }
  }
};

// Cuts a chunk for `size` bytes out of the gap. What is left below or above becomes a gap again,
// or stays with the chunk if it is too small to be one.
template <class Handler, Config kConfig>
void* Talc<Handler, kConfig>::carve(Fit fit, size_t size) {
  char* const payload = fit.payload;
  char* base = fit.gap->base();
  char* acme = fit.gap->acme();
  char* const end = tag_slot(payload, size) + kTagSize;
  remove_gap(fit.gap);
  const size_t below = static_cast<size_t>(payload - base);
  if (below >= kMinChunkSize) [[unlikely]] {
    insert_gap(base, below);
    base = payload;
  } else {
    word_at(base - kWordSize) &= ~tag::kGapAbove;
  }
  size_t flags = 0;
  const size_t above = static_cast<size_t>(acme - end);
  if (above >= kMinChunkSize) {
    insert_gap(end, above);
    flags = tag::kGapAbove;
    acme = end;
  }
  write_tag(base, acme, payload, size, flags);
  return payload;
}

template <class Handler, Config kConfig>
void* Talc<Handler, kConfig>::try_malloc(size_t size, size_t align, size_t offset) {
  const size_t need = chunk_size_for(size);
  Fit fit = find_fit(need, align, offset);
  if (fit.gap == nullptr) [[unlikely]] {
    fit = find_anywhere(need, align, offset);
    if (fit.gap == nullptr) {
      return nullptr;
    }
  }
  return carve(fit, size);
}

template <class Handler, Config kConfig>
[[gnu::noinline]] void* Talc<Handler, kConfig>::malloc_from_gap(size_t size, size_t align,
                                                                    size_t offset) {
  align = align < kWordSize ? kWordSize : align;
  if (size > kMaxRequest || align > kMaxRequest || size + align > kMaxRequest) [[unlikely]] {
    return nullptr;
  }
  [[maybe_unused]] LoopGuard guard;
  for (;;) {
    if (void* const payload = try_malloc(size, align, offset)) [[likely]] {
      tally_.on_malloc(size);
      return payload;
    }
    if constexpr (kAssertions) {
      guard.check(claimed_bytes_ + free_bytes());
    }
    if (!oom_handler.handle_oom(*this, size, align)) {
      return nullptr;
    }
  }
}

// A chunk that waits in a quick list and has the very size, suitably aligned; or null.
template <class Handler, Config kConfig>
inline void* Talc<Handler, kConfig>::take_waiting(size_t size, size_t align, size_t offset) {
  if (!kConfig.quick_lists || !quick_.serves(size)) {
    return nullptr;
  }
  const size_t need = chunk_size_for(size);
  char* const chunk = quick_.take(need, align, offset);
  if (chunk == nullptr) {
    return nullptr;
  }
  tally_.on_remove_gap(need);
  tally_.on_malloc(size);
  return chunk;
}

template <class Handler, Config kConfig>
inline void* Talc<Handler, kConfig>::malloc_aligned_at(size_t size, size_t align, size_t offset) {
  check_entry();
  TALC_ASSERT(is_power_of_two(align) && is_aligned(offset, kWordSize));
  if (void* const payload = take_waiting(size, align, offset)) {
    return payload;
  }
  return malloc_from_gap(size, align, offset);
}

// ---- free ----

// Without a branch: whether the neighbour above is free is as good as random, and a wrong guess costs
// more than taking out a gap that is not there. (For the one below, whose header is far away, it is
// the other way round.)
inline Gap* choose(bool condition, Gap* yes, Gap* no) {
  const size_t mask = size_t{0} - size_t{condition};
  return reinterpret_cast<Gap*>((address_of(yes) & mask) | (address_of(no) & ~mask));
}

// Frees the chunk that begins at `base` and whose tag is at `tag_at`, merging it with its neighbours.
// Returns the gap.
template <class Handler, Config kConfig>
[[gnu::noinline]] Span Talc<Handler, kConfig>::free_chunk(char* base, char* tag_at) {
  char* acme = tag_at + kTagSize;
  Gap* const above = choose(tag::has_gap_above(word_at(tag_at)), gap_at(acme), bins_.none());
  acme += above->size;
  remove_gap(above);

  const size_t below = word_at(base - kWordSize);
  if (tag::is_allocated(below)) {
    word_at(base - kWordSize) = below | tag::kGapAbove;
  } else {
    base -= below;
    remove_gap(gap_at(base));
  }
  insert_gap(base, static_cast<size_t>(acme - base));
  return Span(base, acme);
}

template <class Handler, Config kConfig>
inline void Talc<Handler, kConfig>::free(void* ptr, size_t size) {
  check_entry();
  // The word below is needed as soon as the tag is known: both are far from one another.
  __builtin_prefetch(static_cast<char*>(ptr) - kWordSize);
  char* const tag_at = tag_of(static_cast<char*>(ptr), size);
  char* const base = tag::base(word_at(tag_at));
  TALC_ASSERT(base <= ptr && ptr < tag_at);
  tally_.on_free(size);
  const size_t chunk_size = static_cast<size_t>(tag_at + kTagSize - base);
  if (may_wait(chunk_size)) {
    if (quick_.is_full()) [[unlikely]] {
      return merge_waiting_and(base, tag_at);
    }
    return let_wait(base, chunk_size);
  }
  tell_top(free_chunk(base, tag_at));
}

template <class Handler, Config kConfig>
inline bool Talc<Handler, kConfig>::may_wait(size_t chunk_size) const {
  return kConfig.quick_lists && quick_.accepts(chunk_size) && !is_scarce_;
}

template <class Handler, Config kConfig>
inline void Talc<Handler, kConfig>::let_wait(char* base, size_t chunk_size) {
  quick_.push(base, chunk_size);
  tally_.on_insert_gap(chunk_size);
}

template <class Handler, Config kConfig>
[[gnu::cold, gnu::noinline]] void Talc<Handler, kConfig>::merge_waiting_and(char* base,
                                                                            char* tag_at) {
  merge_waiting();
  free_chunk(base, tag_at);
  tell_tops();
}

// Merges every chunk of the quick lists with its neighbours. Tells nobody of tops: whoever searches is
// about to use them, and whoever changes a heap must not be asked to change it. Cost: O(kMaxCount).
template <class Handler, Config kConfig>
[[gnu::cold, gnu::noinline]] void Talc<Handler, kConfig>::merge_waiting() {
  quick_.drain([this](char* chunk, size_t chunk_size) {
    count_step();
    tally_.on_remove_gap(chunk_size);
    free_chunk(chunk, chunk + chunk_size - kTagSize);
  });
}

// Tells the handler, if it wants to know, that `gap` is the top of a heap. While chunks wait, one of
// them may be all that lies above a large gap.
template <class Handler, Config kConfig>
inline void Talc<Handler, kConfig>::tell_top(Span gap) {
  if constexpr (requires { Handler::kTopFreeThreshold; }) {
    if (gap.size() < Handler::kTopFreeThreshold) {
      return;
    }
    for (HeapHeader* heap = heaps_; heap != nullptr; heap = heap->next) {
      count_step();
      if (heap->acme == gap.acme) {
        oom_handler.on_top_free(*this, Span(heap->base(), heap->acme), gap.size());
        return;
      }
    }
    if (quick_.count() != 0) {
      merge_waiting();
      tell_tops();
    }
  }
}

// Tells of the tops of all heaps.
template <class Handler, Config kConfig>
[[gnu::cold]] void Talc<Handler, kConfig>::tell_tops() {
  if constexpr (requires { Handler::kTopFreeThreshold; }) {
    for (HeapHeader* heap = heaps_; heap != nullptr;) {
      count_step();
      HeapHeader* const next = heap->next;  // the handler may drop the heap
      Gap* const top = top_gap(heap);
      if (top != nullptr && top->size >= Handler::kTopFreeThreshold) {
        oom_handler.on_top_free(*this, Span(heap->base(), heap->acme), top->size);
      }
      heap = next;
    }
  }
}

// ---- grow, shrink, realloc ----

template <class Handler, Config kConfig>
bool Talc<Handler, kConfig>::grow_in_place(void* ptr, size_t old_size, size_t new_size) {
  check_entry();
  TALC_ASSERT(new_size >= old_size);
  if (new_size > kMaxRequest) {
    return false;
  }
  char* const payload = static_cast<char*>(ptr);
  char* const tag_at = tag_of(payload, old_size);
  const size_t old_tag = word_at(tag_at);
  const size_t held = static_cast<size_t>(tag_at + kTagSize - payload);
  const size_t need = chunk_size_for(new_size);
  if (need > held) {
    Gap* const above = gap_at(tag_at + kTagSize);
    if (!tag::has_gap_above(old_tag) || need - held > above->size) {
      return false;
    }
    char* acme = above->acme();
    char* const end = payload + need;
    remove_gap(above);
    size_t flags = 0;
    if (static_cast<size_t>(acme - end) >= kMinChunkSize) {
      insert_gap(end, static_cast<size_t>(acme - end));
      flags = tag::kGapAbove;
      acme = end;
    }
    write_tag(tag::base(old_tag), acme, payload, new_size, flags);
  } else if (need < held) {
    word_at(tag_slot(payload, new_size)) = reinterpret_cast<size_t>(tag_at);
  }
  tally_.on_grow(new_size - old_size);
  return true;
}

template <class Handler, Config kConfig>
void* Talc<Handler, kConfig>::grow(void* ptr, size_t old_size, size_t new_size, size_t align) {
  void* moved = nullptr;
  if (chunk_size_for(new_size) != chunk_size_for(old_size)) {
    moved = take_waiting(new_size, align, 0);  // costs less than cutting up a gap, even with the copy
  }
  if (moved == nullptr) {
    if (grow_in_place(ptr, old_size, new_size)) {
      return ptr;
    }
    moved = malloc_from_gap(new_size, align, 0);
    if (moved == nullptr) {
      // What waited next to the block has been merged meanwhile.
      return grow_in_place(ptr, old_size, new_size) ? ptr : nullptr;
    }
  }
  copy_bytes(moved, ptr, old_size);
  free(ptr, old_size);
  return moved;
}

template <class Handler, Config kConfig>
void Talc<Handler, kConfig>::shrink(void* ptr, size_t old_size, size_t new_size) {
  check_entry();
  TALC_ASSERT(new_size <= old_size);
  char* const payload = static_cast<char*>(ptr);
  char* const tag_at = tag_of(payload, old_size);
  const size_t old_tag = word_at(tag_at);
  char* const end = tag_slot(payload, new_size) + kTagSize;
  char* acme = tag_at + kTagSize;
  tally_.on_shrink(old_size - new_size);
  if (end == acme) {
    return;
  }
  const size_t rest = static_cast<size_t>(acme - end);
  if (rest >= kMinChunkSize && may_wait(rest) && !quick_.is_full()) {
    write_tag(tag::base(old_tag), end, payload, new_size, 0);
    word_at(tag_at) = tag::make(end, old_tag & tag::kGapAbove);
    let_wait(end, rest);
    return;
  }
  const bool gap_above = tag::has_gap_above(old_tag);
  if (!gap_above && rest < kMinChunkSize) {
    word_at(end - kTagSize) = reinterpret_cast<size_t>(tag_at);
    return;
  }
  if (gap_above) {
    Gap* const above = gap_at(acme);
    acme += above->size;
    remove_gap(above);
  }
  insert_gap(end, static_cast<size_t>(acme - end));
  write_tag(tag::base(old_tag), end, payload, new_size, tag::kGapAbove);
  tell_top(Span(end, acme));
}

// What a gap weighs when places are compared: the logarithm of its size, with six bits of fraction.
// Less is better: many small gaps weigh more than the one they would make together.
inline size_t weight_of_gap(size_t size) {
  if (size < kMinChunkSize) {
    return 0;
  }
  const size_t words = size / kWordSize;
  const unsigned log = floor_log2(words);
  return (size_t{log} << 6) + ((words << 6 >> log) & 63);
}

// Whether the gaps weigh less if the block moves to where malloc would put it than if it stays.
template <class Handler, Config kConfig>
bool Talc<Handler, kConfig>::moving_closes_gaps(void* ptr, size_t old_size, size_t new_size,
                                                size_t align) {
  char* const payload = static_cast<char*>(ptr);
  char* const tag_at = tag_of(payload, old_size);
  const size_t old_tag = word_at(tag_at);
  char* const base = tag::base(old_tag);
  const size_t word_below = word_at(base - kWordSize);
  const size_t below = tag::is_allocated(word_below) ? 0 : word_below;
  char* acme = tag_at + kTagSize;
  acme += tag::has_gap_above(old_tag) ? gap_at(acme)->size : 0;

  const size_t need = chunk_size_for(new_size);
  const Fit fit = find_fit(need, align, 0);
  if (fit.gap == nullptr || need > static_cast<size_t>(acme - payload)) {
    return false;  // nowhere to go, or it has to move anyway
  }
  const size_t staying =
      weight_of_gap(below) + weight_of_gap(static_cast<size_t>(acme - payload) - need);
  const size_t hole = static_cast<size_t>(acme - base) + below;
  if (fit.gap->acme() == base) {
    return weight_of_gap(hole - need) < staying;
  }
  return weight_of_gap(hole) + weight_of_gap(fit.gap->size - need) <
         staying + weight_of_gap(fit.gap->size);
}

template <class Handler, Config kConfig>
void* Talc<Handler, kConfig>::realloc(void* ptr, size_t old_size, size_t new_size, size_t align) {
  if (is_scarce_ && new_size <= kMaxRequest &&
      moving_closes_gaps(ptr, old_size, new_size, align)) {
    if (void* const moved = malloc(new_size, align)) {
      copy_bytes(moved, ptr, old_size < new_size ? old_size : new_size);
      free(ptr, old_size);
      return moved;
    }
  }
  if (new_size > old_size) {
    return grow(ptr, old_size, new_size, align);
  }
  shrink(ptr, old_size, new_size);
  return ptr;
}

}  // namespace talc
