// The operations of Talc on heaps: claim, extend, truncate, and the bins' table that grows with them.
//
//   base                                                                      acme
//   | next | acme | tag |  chunk  |  chunk  |  …                      |  chunk  |
//     HeapHeader           in the first heap, the lowest chunk holds the bins at first
//
// The header's tag is that of the chunk that would lie below the first: freeing the first chunk needs
// no special case. A table is a chunk like any other; when a heap has become larger than its bins tell
// apart, a larger table is allocated, and the old one freed.
#pragma once

#include "talc/core/talc.hpp"

namespace talc {

template <class Handler, Config kConfig>
constexpr Talc<Handler, kConfig>::Talc(Talc&& other) noexcept
    : oom_handler(static_cast<Handler&&>(other.oom_handler)),
      bins_(static_cast<TheBins&&>(other.bins_)),
      quick_(other.quick_),
      heaps_(other.heaps_),
      claimed_bytes_(other.claimed_bytes_),
      plenty_bin_(other.plenty_bin_),
      is_scarce_(other.is_scarce_),
      tally_(other.tally_) {
  if constexpr (!kConfig.small_code) {
    other.bins_ = {};
  }
  other.quick_ = {};
  other.heaps_ = nullptr;
  other.claimed_bytes_ = 0;
  other.tally_ = {};
}

// ---- the bins' table ----

// How many bins a heap of that size is worth: enough to tell its gaps apart, for at most 1/32 of all that
// is claimed.
template <class Handler, Config kConfig>
unsigned Talc<Handler, kConfig>::affordable_bins(size_t heap_bytes, size_t claimed_bytes) {
  const size_t budget = claimed_bytes / 32 / kWordSize;
  const size_t useful =
      kConfig.fixed_bins != 0 ? kConfig.fixed_bins : TheBins::ideal_index(heap_bytes) + 1;
  const size_t count = useful < budget ? useful : budget;
  return static_cast<unsigned>(count < 4                    ? 4
                               : count > TheBins::kMaxCount ? TheBins::kMaxCount
                                                            : count);
}

// A table is the bins', and the quick lists' if it is that of a heap of 32 KiB at least.
template <class Handler, Config kConfig>
size_t Talc<Handler, kConfig>::table_bytes(unsigned bin_count) {
  constexpr size_t kLeastHeap = size_t{32} << 10;
  constexpr size_t kUseful = TheBins::ideal_index(kLeastHeap) + 1;
  constexpr size_t kBudget = kLeastHeap / 32 / kWordSize;
  constexpr size_t kLeastBins = kUseful < kBudget ? kUseful : kBudget;
  const bool with_quick = kConfig.quick_lists && bin_count >= kLeastBins;
  return TheBins::table_bytes(bin_count) + (with_quick ? TheQuickLists::kTableBytes : 0);
}

template <class Handler, Config kConfig>
void Talc<Handler, kConfig>::adopt_table(char* memory, unsigned bin_count) {
  merge_waiting();
  if constexpr (kConfig.walks_in_parts) {
    walk_ = {};  // its end is that of the old bins
  }
  bins_.adopt_table(memory, bin_count);
  if (table_bytes(bin_count) != TheBins::table_bytes(bin_count)) {
    quick_.adopt_table(memory + TheBins::table_bytes(bin_count));
  }
  change_claimed(0);
}

template <class Handler, Config kConfig>
void Talc<Handler, kConfig>::enlarge_table(size_t heap_bytes) {
  if constexpr (kConfig.small_code) {
    return;  // there is none
  }
  const unsigned count = affordable_bins(heap_bytes, claimed_bytes_);
  // A doubling's worth at least, or the bins would move at every small extension.
  if (count < bins_.count() + TheBins::kPerDoubling && count < 2 * bins_.count()) {
    return;
  }
  char* const table = static_cast<char*>(try_malloc(table_bytes(count), kWordSize, 0));
  if (table == nullptr) {
    return;  // the old one still serves
  }
  char* const old = bins_.table();
  char* const old_tag = tag_of(old, table_bytes(bins_.count()));
  adopt_table(table, count);
  free_chunk(tag::base(word_at(old_tag)), old_tag);
}

// Keeps what depends on how much memory there is.
template <class Handler, Config kConfig>
void Talc<Handler, kConfig>::change_claimed(size_t by) {
  claimed_bytes_ += by;
  if constexpr (kConfig.compact) {
    plenty_bin_ = bins_.index(claimed_bytes_ / kScarceShare + kMinChunkSize);
  }
}

// ---- claim ----

template <class Handler, Config kConfig>
Span Talc<Handler, kConfig>::claim(Span memory) {
  check_entry();
  const Span heap = memory.word_align_inward();
  return heap.base != nullptr && claim_aligned(heap) ? heap : Span();
}

template <class Handler, Config kConfig>
bool Talc<Handler, kConfig>::claim_aligned(Span heap) {
  const bool is_first = !bins_.has_table();
  const unsigned count = is_first ? affordable_bins(heap.size(), heap.size()) : 0;
  const size_t table = is_first ? chunk_size_for(table_bytes(count)) : 0;
  if (heap.size() < sizeof(HeapHeader) + table + kMinChunkSize) {
    return false;
  }
  auto* const header = reinterpret_cast<HeapHeader*>(heap.base);
  header->next = heaps_;
  header->acme = heap.acme;
  header->tag = tag::make(heap.base, 0);
  heaps_ = header;
  tally_.on_claim(heap.size());

  char* base = header->first_chunk();
  if (is_first) {
    write_tag(base, base + table, base, table_bytes(count), 0);
    adopt_table(base, count);
    base += table;
  }
  change_claimed(heap.size());
  word_at(base - kTagSize) |= tag::kGapAbove;
  insert_gap(base, static_cast<size_t>(heap.acme - base));
  if (!is_first) {
    enlarge_table(heap.size());
  }
  return true;
}

// ---- finding things in a heap ----

template <class Handler, Config kConfig>
typename Talc<Handler, kConfig>::HeapHeader* Talc<Handler, kConfig>::header_of(Span heap) const {
  auto* const header = reinterpret_cast<HeapHeader*>(heap.base);
  TALC_ASSERT(header->acme == heap.acme && tag::base(header->tag) == heap.base);
  return header;
}

template <class Handler, Config kConfig>
typename Talc<Handler, kConfig>::HeapHeader** Talc<Handler, kConfig>::link_to(
    const HeapHeader* header) {
  HeapHeader** link = &heaps_;
  while (*link != header) {
    count_step();
    TALC_ASSERT(*link != nullptr);
    link = &(*link)->next;
  }
  return link;
}

template <class Handler, Config kConfig>
Gap* Talc<Handler, kConfig>::top_gap(HeapHeader* header) {
  const size_t top = word_at(header->acme - kWordSize);
  return tag::is_allocated(top) ? nullptr : gap_at(header->acme - top);
}

template <class Handler, Config kConfig>
Gap* Talc<Handler, kConfig>::bottom_gap(HeapHeader* header) {
  return tag::has_gap_above(header->tag) ? gap_at(header->first_chunk()) : nullptr;
}

template <class Handler, Config kConfig>
Span Talc<Handler, kConfig>::get_allocated_span(Span heap) {
  merge_waiting();
  HeapHeader* const header = header_of(heap);
  Gap* const bottom = bottom_gap(header);
  Gap* const top = top_gap(header);
  return Span(bottom != nullptr ? bottom->acme() : header->first_chunk(),
              top != nullptr ? top->base() : header->acme);
}

template <class Handler, Config kConfig>
size_t Talc<Handler, kConfig>::get_top_bytes(Span heap) {
  merge_waiting();
  Gap* const top = top_gap(header_of(heap));
  return top != nullptr ? top->size : 0;
}

// ---- extend ----

template <class Handler, Config kConfig>
void Talc<Handler, kConfig>::extend_up(HeapHeader* header, char* acme) {
  const size_t more = static_cast<size_t>(acme - header->acme);
  // As if what is new were a chunk that is freed.
  char* const tag_at = acme - kTagSize;
  word_at(tag_at) = tag::make(header->acme, 0);
  free_chunk(header->acme, tag_at);
  tally_.on_extend(more);
  header->acme = acme;
}

template <class Handler, Config kConfig>
void Talc<Handler, kConfig>::raise(Span heap, char* acme) {
  check_entry();
  TALC_ASSERT(static_cast<size_t>(acme - heap.acme) >= kMinChunkSize &&
              is_aligned(acme, kWordSize));
  merge_waiting();
  extend_up(header_of(heap), acme);
  change_claimed(static_cast<size_t>(acme - heap.acme));
  enlarge_table(static_cast<size_t>(acme - heap.base));
}

// Moves the header, and whoever points to it. The tag at `to` is new; flags are the caller's to set.
template <class Handler, Config kConfig>
typename Talc<Handler, kConfig>::HeapHeader* Talc<Handler, kConfig>::move_header(HeapHeader* from,
                                                                                 char* to) {
  HeapHeader** const link = link_to(from);
  const HeapHeader old = *from;
  auto* const header = reinterpret_cast<HeapHeader*>(to);
  *header = old;
  header->tag = tag::make(to, 0);
  *link = header;
  return header;
}

template <class Handler, Config kConfig>
typename Talc<Handler, kConfig>::HeapHeader* Talc<Handler, kConfig>::extend_down(HeapHeader* header,
                                                                                 char* base) {
  const size_t more = static_cast<size_t>(header->base() - base);
  Gap* const bottom = bottom_gap(header);
  if (bottom == nullptr && more < kMinChunkSize) {
    return header;
  }
  size_t size = more;
  if (bottom != nullptr) {
    size += bottom->size;
    remove_gap(bottom);
  }
  HeapHeader* const moved = move_header(header, base);
  moved->tag |= tag::kGapAbove;
  insert_gap(moved->first_chunk(), size);
  tally_.on_extend(more);
  return moved;
}

template <class Handler, Config kConfig>
Span Talc<Handler, kConfig>::extend(Span heap, Span to) {
  check_entry();
  TALC_ASSERT(to.contains_span(heap));
  merge_waiting();
  HeapHeader* header = header_of(heap);
  const Span wanted = to.base == nullptr ? heap : to.word_align_inward().fit_over(heap);
  if (wanted.acme != heap.acme && (top_gap(header) != nullptr ||
                                   static_cast<size_t>(wanted.acme - heap.acme) >= kMinChunkSize)) {
    extend_up(header, wanted.acme);
  }
  if (wanted.base != heap.base) {
    header = extend_down(header, wanted.base);
  }
  const size_t size = static_cast<size_t>(header->acme - header->base());
  change_claimed(size - heap.size());
  enlarge_table(size);
  return Span(header->base(), header->acme);
}

// ---- truncate ----

// All of the heap but its header is one gap.
template <class Handler, Config kConfig>
Span Talc<Handler, kConfig>::shrink_free_heap(HeapHeader* header, Span to) {
  const size_t old_size = static_cast<size_t>(header->acme - header->base());
  remove_gap(bottom_gap(header));
  if (to.size() < sizeof(HeapHeader) + kMinChunkSize) {
    *link_to(header) = header->next;
    tally_.on_drop(old_size);
    return Span();
  }
  if (to.base != header->base()) {
    header = move_header(header, to.base);
  }
  header->tag |= tag::kGapAbove;
  header->acme = to.acme;
  insert_gap(header->first_chunk(), static_cast<size_t>(to.acme - header->first_chunk()));
  tally_.on_truncate(old_size - to.size());
  return to;
}

template <class Handler, Config kConfig>
Span Talc<Handler, kConfig>::truncate(Span heap, Span to) {
  check_entry();
  TALC_ASSERT(heap.contains_span(to));
  HeapHeader* header = header_of(heap);
  const Span used = get_allocated_span(heap);
  const Span wanted = to.word_align_inward();
  if (used.is_empty()) {
    const Span left = shrink_free_heap(header, wanted);
    change_claimed(left.size() - heap.size());
    return left;
  }
  Gap* const top = top_gap(header);
  if (top != nullptr && (wanted.is_empty() || wanted.acme < heap.acme)) {
    // What remains on top is nothing, or enough for a gap.
    char* acme = wanted.is_empty() || wanted.acme < used.acme ? used.acme : wanted.acme;
    if (acme != used.acme && static_cast<size_t>(acme - used.acme) < kMinChunkSize) {
      acme = used.acme + kMinChunkSize;
    }
    remove_gap(top);
    if (acme != used.acme) {
      insert_gap(used.acme, static_cast<size_t>(acme - used.acme));
    } else {
      word_at(acme - kTagSize) &= ~tag::kGapAbove;
    }
    tally_.on_truncate(static_cast<size_t>(header->acme - acme));
    header->acme = acme;
  }
  Gap* const bottom = bottom_gap(header);
  if (bottom != nullptr && (wanted.is_empty() || wanted.base > heap.base)) {
    char* first = used.base;
    if (wanted.is_sized() && wanted.base + sizeof(HeapHeader) < used.base) {
      const size_t room = static_cast<size_t>(used.base - wanted.base) - sizeof(HeapHeader);
      first -= room < kMinChunkSize ? kMinChunkSize : room;
    }
    remove_gap(bottom);
    tally_.on_truncate(static_cast<size_t>(first - header->first_chunk()));
    header = move_header(header, first - sizeof(HeapHeader));
    if (first != used.base) {
      header->tag |= tag::kGapAbove;
      insert_gap(first, static_cast<size_t>(used.base - first));
    }
  }
  const Span left(header->base(), header->acme);
  change_claimed(left.size() - heap.size());
  return left;
}

}  // namespace talc
