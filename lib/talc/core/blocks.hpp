// The operations of Talc on blocks: malloc and free, and what they do to gaps.
//
// search.hpp says where a block goes; resize.hpp changes its size.
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
  if constexpr (kConfig.walks_in_parts) {
    if (gap == walk_.gap) [[unlikely]] {
      walk_.gap = gap->next;
    }
  }
  bins_.remove(gap);
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

// Makes [base, acme) the chunk of the `size` bytes at `payload`. What is left above becomes a gap, or stays
// with the chunk if it is too small to be one.
template <class Handler, Config kConfig>
inline void Talc<Handler, kConfig>::seat(char* base, char* payload, size_t size, char* acme) {
  char* const end = tag_slot(payload, size) + kTagSize;
  size_t flags = 0;
  const size_t above = static_cast<size_t>(acme - end);
  if (above >= kMinChunkSize) {
    insert_gap(end, above);
    flags = tag::kGapAbove;
    acme = end;
  }
  write_tag(base, acme, payload, size, flags);
}

// Cuts a chunk for `size` bytes out of the gap. What is left below or above becomes a gap again,
// or stays with the chunk if it is too small to be one.
template <class Handler, Config kConfig>
void* Talc<Handler, kConfig>::carve(Fit fit, size_t size) {
  char* const payload = fit.payload;
  char* base = fit.gap->base();
  char* const acme = fit.gap->acme();
  remove_gap(fit.gap);
  const size_t below = static_cast<size_t>(payload - base);
  if (below >= kMinChunkSize) [[unlikely]] {
    insert_gap(base, below);
    base = payload;
  } else {
    word_at(base - kWordSize) &= ~tag::kGapAbove;
  }
  seat(base, payload, size, acme);
  return payload;
}

template <class Handler, Config kConfig>
void* Talc<Handler, kConfig>::try_malloc(size_t size, size_t align, size_t offset) {
  const size_t need = chunk_size_for(size);
  if constexpr (!kConfig.small_code) {
    const Fit fit = find_fit(need, align, offset);
    if (fit.gap != nullptr) [[likely]] {
      return carve(fit, size);
    }
  }
  Gap* const gap =
      kConfig.small_code ? find_first(need, align, offset) : find_anywhere(need, align, offset);
  return gap == nullptr ? nullptr : carve({gap, gap->base() + skip_in(gap, align, offset)}, size);
}

template <class Handler, Config kConfig>
[[gnu::noinline]] void* Talc<Handler, kConfig>::malloc_from_gap(size_t size, size_t align,
                                                                size_t offset) {
  align = align < kWordSize ? kWordSize : align;
  if (align > kMaxRequest || size > kMaxRequest - align) [[unlikely]] {
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
  if constexpr (kConfig.quick_lists) {
    if (!quick_.serves(size)) {
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
  } else {
    return nullptr;
  }
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

// As tag_of. A tag that does not lead back to the payload is corrupt, and so is the pointer to one.
template <class Handler, Config kConfig>
inline char* Talc<Handler, kConfig>::find_tag(char* payload, size_t size) {
  char* const tag_at = tag_of(payload, size);
  if constexpr (Guard::kChecks) {
    const auto slack = static_cast<size_t>(tag_at - tag_slot(payload, size));
    if (slack >= kMinChunkSize || !tag::is_allocated(word_at(tag_at)) ||
        static_cast<size_t>(payload - tag::base(word_at(tag_at))) >= kMinChunkSize) [[unlikely]] {
      Guard::on_corrupt_block(payload);
    }
  }
  return tag_at;
}

// The gap of `size` bytes that ends at `base`.
template <class Handler, Config kConfig>
inline Gap* Talc<Handler, kConfig>::gap_below(char* base, size_t size) {
  Gap* const gap = gap_at(base - size);
  if (Guard::kChecks && (!Guard::may_point(gap) || gap->size != size)) [[unlikely]] {
    Guard::on_corrupt_gap(base);
  }
  return gap;
}

// Takes the gap above a chunk, if there is one, out of its bin. Returns where it ended: the chunk's new acme.
template <class Handler, Config kConfig>
inline char* Talc<Handler, kConfig>::absorb_above(char* tag_at) {
  char* const acme = tag_at + kTagSize;
  Gap* above = gap_at(acme);
  if constexpr (kConfig.small_code) {
    if (!tag::has_gap_above(word_at(tag_at))) {
      return acme;
    }
  } else {
    above = choose(tag::has_gap_above(word_at(tag_at)), above, bins_.none());
  }
  const size_t size = above->size;
  remove_gap(above);
  return acme + size;
}

// Frees the chunk that begins at `base` and whose tag is at `tag_at`, merging it with its neighbours.
// Returns the gap. (One word: WebAssembly returns two through memory.)
template <class Handler, Config kConfig>
[[gnu::noinline]] Gap* Talc<Handler, kConfig>::free_chunk(char* base, char* tag_at) {
  char* const acme = absorb_above(tag_at);

  const size_t below = word_at(base - kWordSize);
  if (tag::is_allocated(below)) {
    word_at(base - kWordSize) = below | tag::kGapAbove;
  } else {
    Gap* const gap = gap_below(base, below);
    remove_gap(gap);
    base = gap->base();
  }
  insert_gap(base, static_cast<size_t>(acme - base));
  return gap_at(base);
}

template <class Handler, Config kConfig>
inline void Talc<Handler, kConfig>::free(void* ptr, size_t size) {
  check_entry();
  // The word below is needed as soon as the tag is known: both are far from one another.
  __builtin_prefetch(static_cast<char*>(ptr) - kWordSize);
  char* const tag_at = find_tag(static_cast<char*>(ptr), size);
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
  if constexpr (kConfig.quick_lists) {
    return quick_.accepts(chunk_size) && !is_scarce_;
  } else {
    return false;
  }
}

template <class Handler, Config kConfig>
inline void Talc<Handler, kConfig>::let_wait(char* base, size_t chunk_size) {
  if constexpr (kConfig.quick_lists) {
    quick_.push(base, chunk_size);
  }
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
inline void Talc<Handler, kConfig>::tell_top(Gap* gap) {
  if constexpr (requires { Handler::kTopFreeThreshold; }) {
    if (gap->size < Handler::kTopFreeThreshold) {
      return;
    }
    for (HeapHeader* heap = heaps_; heap != nullptr; heap = heap->next) {
      count_step();
      if (heap->acme == gap->acme()) {
        oom_handler.on_top_free(*this, Span(heap->base(), heap->acme), gap->size);
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

}  // namespace talc
