// Validation: a walk over every heap and every bin that checks the invariants listed in talc.hpp.
//
// It trusts nothing that it has not checked: a broken engine gives a sentence, not a crash, unless a
// pointer between gaps itself is broken. Called by debug builds at every entry, by tests, fuzzers and
// talc_arena_check in any build. Changes nothing and allocates nothing.
#pragma once

#include "talc/core/talc.hpp"

namespace talc {

template <class Handler, Config kConfig>
Counters Talc<Handler, kConfig>::get_counters() const {
  static_assert(kConfig.counters, "this engine keeps no counters: set Config::counters");
  return tally_.counters;
}

template <class Handler, Config kConfig>
template <class F>
void Talc<Handler, kConfig>::for_each_heap(F f) const {
  for (HeapHeader* header = heaps_; header != nullptr;) {
    HeapHeader* const next = header->next;  // f may let the memory go
    f(Span(header->base(), header->acme));
    header = next;
  }
}

template <class Handler, Config kConfig>
template <class F>
void Talc<Handler, kConfig>::for_each_chunk(Span heap, F f) const {
  HeapHeader* const header = header_of(heap);
  for (char* acme = header->acme; acme != header->first_chunk();) {
    const size_t word = word_at(acme - kWordSize);
    char* const base = tag::is_allocated(word) ? tag::base(word) : acme - word;
    f(Span(base, acme), tag::is_allocated(word));
    acme = base;
  }
}

template <class Handler, Config kConfig>
template <class F>
bool Talc<Handler, kConfig>::for_each_gap(size_t least_bytes, F f) const {
  if (!bins_.has_table()) {
    return true;
  }
  for (unsigned bin = bins_.next_occupied(bins_.index(least_bytes)); bin < bins_.count();
       bin = bins_.next_above(bin)) {
    for (Gap* gap = bins_.first(bin); gap != bins_.end(); gap = gap->next) {
      if (gap->size >= least_bytes && !f(Span(gap->base(), gap->acme()))) {
        return false;
      }
    }
  }
  return true;
}

template <class Handler, Config kConfig>
void Talc<Handler, kConfig>::begin_walk(size_t least_bytes) {
  static_assert(kConfig.walks_in_parts);
  walk_ = {.least_bytes = least_bytes};
  enter_bin(bins_.has_table() ? bins_.next_occupied(bins_.index(least_bytes)) : TheBins::kNone);
}

template <class Handler, Config kConfig>
void Talc<Handler, kConfig>::enter_bin(unsigned bin) {
  walk_.has_more = bin != TheBins::kNone;
  walk_.bin = bin;
  walk_.gap = nullptr;
}

template <class Handler, Config kConfig>
template <class F>
bool Talc<Handler, kConfig>::walk_gaps(F f) {
  static_assert(kConfig.walks_in_parts);
  for (; walk_.has_more; enter_bin(bins_.next_above(walk_.bin))) {
    walk_.gap = walk_.gap == nullptr ? bins_.first(walk_.bin) : walk_.gap;
    for (; walk_.gap != bins_.end(); walk_.gap = walk_.gap->next) {
      const Span gap(walk_.gap->base(), walk_.gap->acme());
      if (gap.size() >= walk_.least_bytes && !f(gap)) {
        return false;
      }
    }
  }
  return true;
}

// What a walk has seen, to be compared with what the bins hold.
struct ChunkCensus {
  size_t heaps = 0;
  size_t heap_bytes = 0;
  size_t gaps = 0;
  size_t gap_bytes = 0;
};

template <class Handler, Config kConfig>
const char* Talc<Handler, kConfig>::check_heap(HeapHeader* header, ChunkCensus& census) const {
  census.heaps += 1;
  census.heap_bytes += static_cast<size_t>(header->acme - header->base());
  if (tag::base(header->tag) != header->base() || !tag::is_allocated(header->tag)) {
    return "a heap's header is overwritten";
  }
  bool gap_above = false;
  for (char* acme = header->acme; acme != header->first_chunk();) {
    const size_t word = word_at(acme - kWordSize);
    const bool allocated = tag::is_allocated(word);
    // By numbers: a size that is overwritten may lead out of the address space.
    char* const base =
        allocated ? tag::base(word) : reinterpret_cast<char*>(address_of(acme) - word);
    if (base < header->first_chunk() || base > acme - kMinChunkSize ||
        !is_aligned(base, kWordSize)) {
      return "a chunk's tag or size leads out of its heap";
    }
    if (allocated && tag::has_gap_above(word) != gap_above) {
      return "a tag is wrong about the gap above it";
    }
    if (!allocated) {
      Gap* const gap = gap_at(base);
      if (gap_above) {
        return "two gaps touch";
      }
      if (gap->size != word) {
        return "a gap's two sizes differ";
      }
      if (!bins_.is_linked(gap)) {
        return "a gap is not linked into a bin";
      }
      census.gaps += 1;
      census.gap_bytes += word;
    }
    gap_above = !allocated;
    acme = base;
  }
  return tag::has_gap_above(header->tag) == gap_above
             ? nullptr
             : "a heap's header is wrong about its first chunk";
}

template <class Handler, Config kConfig>
const char* Talc<Handler, kConfig>::check_bins(ChunkCensus& census) const {
  for (unsigned bin = 0; bin < bins_.count(); ++bin) {
    if (bins_.is_occupied(bin) != (bins_.first(bin) != bins_.end())) {
      return "a bin's bit is wrong";
    }
    for (Gap* gap = bins_.first(bin); gap != bins_.end(); gap = gap->next) {
      if (bins_.index(gap->size) != bin) {
        return "a gap is in the wrong bin";
      }
      if (census.gaps == 0 || census.gap_bytes < gap->size) {
        return "the bins hold more gaps than the heaps";
      }
      census.gaps -= 1;
      census.gap_bytes -= gap->size;
    }
  }
  return census.gaps == 0 && bins_.summary_is_right()
             ? nullptr
             : "the bins miss a gap, or their summary is wrong";
}

// What gaps and waiting chunks make together.
template <class Handler, Config kConfig>
size_t Talc<Handler, kConfig>::free_bytes() const {
  size_t sum = 0;
  for (unsigned bin = 0; bin < bins_.count(); ++bin) {
    for (Gap* gap = bins_.first(bin); gap != bins_.end(); gap = gap->next) {
      sum += gap->size;
    }
  }
  quick_.for_each([&](char*, size_t size) { sum += size; });
  return sum;
}

template <class Handler, Config kConfig>
const char* Talc<Handler, kConfig>::check_waiting() const {
  size_t count = 0;
  const char* fault = nullptr;
  quick_.for_each([&](char* chunk, size_t size) {
    count += 1;
    if (tag::base(word_at(chunk + size - kTagSize)) != chunk) {
      fault = "a chunk in a quick list has lost its tag";
    }
  });
  return fault == nullptr && count != quick_.count() ? "the quick lists miss a chunk" : fault;
}

template <class Handler, Config kConfig>
const char* Talc<Handler, kConfig>::find_fault() const {
  ChunkCensus census;
  for (HeapHeader* header = heaps_; header != nullptr; header = header->next) {
    if (const char* const fault = check_heap(header, census)) {
      return fault;
    }
  }
  if (census.heap_bytes != claimed_bytes_) {
    return "what is claimed is not what the heaps hold";
  }
  const char* const waiting_fault = check_waiting();
  if (waiting_fault != nullptr) {
    return waiting_fault;
  }
  if constexpr (kConfig.counters) {
    const Counters& counters = tally_.counters;
    size_t waiting_bytes = 0;
    quick_.for_each([&](char*, size_t size) { waiting_bytes += size; });
    if (counters.heap_count != census.heaps || counters.claimed_bytes != census.heap_bytes) {
      return "the counters are wrong about the heaps";
    }
    if (counters.gap_count != census.gaps + quick_.count() ||
        counters.available_bytes != census.gap_bytes + waiting_bytes) {
      return "the counters are wrong about the gaps";
    }
  }
  return check_bins(census);
}

}  // namespace talc
