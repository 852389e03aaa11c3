// The operations of Talc that change a block's size: grow_in_place, grow, shrink, realloc.
//
// A block keeps its place if the gap above it suffices. While memory is scarce, realloc also weighs what
// the gaps would be if it moved.
#pragma once

#include "talc/core/talc.hpp"

namespace talc {

template <class Handler, Config kConfig>
bool Talc<Handler, kConfig>::resize_in_place(void* ptr, size_t old_size, size_t new_size) {
  if constexpr (!kConfig.small_code) {
    if (new_size > old_size) {
      return grow_in_place(ptr, old_size, new_size);
    }
    shrink(ptr, old_size, new_size);
    return true;
  }
  // One way for both: all that there is, and then cut it to size.
  check_entry();
  char* const payload = static_cast<char*>(ptr);
  char* const tag_at = find_tag(payload, old_size);
  char* const base = tag::base(word_at(tag_at));
  char* const acme = absorb_above(tag_at);
  const bool fits =
      new_size <= kMaxRequest && chunk_size_for(new_size) <= static_cast<size_t>(acme - payload);
  if (fits) {
    if (new_size > old_size) {
      tally_.on_grow(new_size - old_size);
    } else {
      tally_.on_shrink(old_size - new_size);
    }
    old_size = new_size;
  }
  seat(base, payload, old_size, acme);
  return fits;
}

template <class Handler, Config kConfig>
bool Talc<Handler, kConfig>::grow_in_place(void* ptr, size_t old_size, size_t new_size) {
  if constexpr (kConfig.small_code) {
    return resize_in_place(ptr, old_size, new_size);
  }
  check_entry();
  TALC_ASSERT(new_size >= old_size);
  if (new_size > kMaxRequest) {
    return false;
  }
  char* const payload = static_cast<char*>(ptr);
  char* const tag_at = find_tag(payload, old_size);
  const size_t old_tag = word_at(tag_at);
  const size_t held = static_cast<size_t>(tag_at + kTagSize - payload);
  const size_t need = chunk_size_for(new_size);
  if (need > held) {
    Gap* const above = gap_at(tag_at + kTagSize);
    if (!tag::has_gap_above(old_tag) || need - held > above->size) {
      return false;
    }
    char* const acme = above->acme();
    remove_gap(above);
    seat(tag::base(old_tag), payload, new_size, acme);
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
    moved =
        take_waiting(new_size, align, 0);  // costs less than cutting up a gap, even with the copy
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
  if constexpr (kConfig.small_code) {
    resize_in_place(ptr, old_size, new_size);
    return;
  }
  check_entry();
  TALC_ASSERT(new_size <= old_size);
  char* const payload = static_cast<char*>(ptr);
  char* const tag_at = find_tag(payload, old_size);
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
  tell_top(gap_at(end));
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
  char* const tag_at = find_tag(payload, old_size);
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
  if constexpr (kConfig.compact) {
    if (is_scarce_ && new_size <= kMaxRequest &&
        moving_closes_gaps(ptr, old_size, new_size, align)) {
      if (void* const moved = malloc(new_size, align)) {
        copy_bytes(moved, ptr, old_size < new_size ? old_size : new_size);
        free(ptr, old_size);
        return moved;
      }
    }
  }
  if (new_size > old_size) {
    return grow(ptr, old_size, new_size, align);
  }
  shrink(ptr, old_size, new_size);
  return ptr;
}

}  // namespace talc
