// Talc, the engine: an arena allocator with boundary tags, bins and any number of heaps.
//
// Vital statistics (64 bits; each line has a test)
//   alignment          any power of two, 8 bytes at least
//   overhead           8 bytes an allocation; 24 bytes is the smallest chunk
//   a heap             24 bytes of header
//   the table          bins for at most 1/32 of what is claimed (but 4 of them, 96 bytes), and from 32 KiB
//                      on a kilobyte of quick lists
//   malloc             two words of bits and one gap for each of two searches, or sixteen gaps while
//                      memory is scarce. Where that misses, it looks at every gap that is large enough
//                      before it asks the handler, so a request that fits anywhere never fails.
//   free, shrink       O(1): one gap below, one above; at most one in 512 merges 512 chunks that waited.
//                      Plus O(heaps) if the handler wants to hear of tops
//   grow_in_place      O(1)
//   claim, extend      O(heaps), or O(heaps + bins + gaps) when the table grows; truncate O(heaps)
//   threads            none: wrap it in a Talck
//
// Invariants, checked by find_fault (validate.hpp)
//   - the chunks of a heap cover it from its header to its acme
//   - gaps never touch; the tag below a gap, and no other, has kGapAbove
//   - each gap is in the bin of its size, each bin's bit tells whether it is empty
//   - claimed = headers + tags and payloads + gaps, and the counters agree
//
// An engine knows nothing of who caches in front of it: what a cache holds is simply allocated.
// Definitions: search.hpp, blocks.hpp (malloc, free), resize.hpp, heaps.hpp (claim to truncate), validate.hpp.
#pragma once

#include "talc/base/assert.hpp"
#include "talc/base/memory.hpp"
#include "talc/base/span.hpp"
#include "talc/core/bins.hpp"
#include "talc/core/config.hpp"
#include "talc/core/few_bins.hpp"
#include "talc/core/quick_lists.hpp"
#include "talc/core/tally.hpp"

namespace talc {

template <class Lock, class TalcType>
class Talck;

struct ChunkCensus;

template <class Handler, Config kConfig = Config{}>
class Talc {
 public:
  // Its state is for whoever wrote it; handle_oom finds itself here.
  [[no_unique_address]] Handler oom_handler;

  constexpr Talc() = default;
  // Owns no memory yet.
  constexpr explicit Talc(Handler handler) : oom_handler(static_cast<Handler&&>(handler)) {}

  // Moving hands over every heap and every allocation; the source is left without any.
  constexpr Talc(Talc&& other) noexcept;
  Talc& operator=(Talc&&) = delete;
  Talc(const Talc&) = delete;
  Talc& operator=(const Talc&) = delete;

  // Establishes a heap in `memory`, aligned inward to words.
  // Requires: the memory is readable, writable and used by nobody else while the heap lives.
  // Ensures: returns the heap; empty, with nothing touched, if `memory` is too small or holds null.
  Span claim(Span memory);

  // Lets `heap` reach to `to`, each side as far as it can: any amount where its edge is free, else
  // three words at least.
  // Requires: `heap` as returned last for it; `to` contains it, and the new memory is as for claim.
  // Ensures: returns the new extent, which contains `heap` and lies within `to`.
  Span extend(Span heap, Span to);

  // As claim, with less code, for memory whose shape is known. Returns whether it is enough for a heap.
  // Requires: both ends are word aligned; `heap` does not hold null.
  bool claim_aligned(Span heap);

  // As extend, with less code: it moves the acme alone.
  // Requires: `acme` is word aligned, and three words or more above that of `heap`.
  void raise(Span heap, char* acme);

  // Draws `heap` back towards `to`, no further than its allocations let it.
  // Requires: `heap` as returned last for it; `to` lies within.
  // Ensures: returns the new extent; empty if nothing was allocated and too little would remain: then
  // the heap is gone. What is outside the extent is the caller's again.
  Span truncate(Span heap, Span to);

  // The least span that holds every allocation of `heap` (the bins' table is one); empty if none. Not
  // const: what waits in quick lists is merged. Cost: as extend.
  Span get_allocated_span(Span heap);
  // Bytes of the gap at the top of `heap`, 0 if there is none. Merges and costs as get_allocated_span.
  size_t get_top_bytes(Span heap);

  // Returns a block of `size` bytes at a multiple of `align`, or null when no gap fits and the handler
  // gave up. A size of 0 is allowed and gives a pointer of its own. Requires: `align` is a power of two.
  void* malloc(size_t size, size_t align) { return malloc_aligned_at(size, align, 0); }

  // As malloc, but result + `offset` is what is aligned. Requires: `offset` is a multiple of words.
  void* malloc_aligned_at(size_t size, size_t align, size_t offset);

  // Takes a block back. Requires: `ptr` from this engine, and `size` as requested last. Cost: O(1).
  void free(void* ptr, size_t size);

  // Returns whether the block holds `new_size` bytes now. May say no although the chunk above was freed
  // a moment ago: it waits in a quick list. Requires: new_size ≥ old_size.
  bool grow_in_place(void* ptr, size_t old_size, size_t new_size);

  // To a chunk that waits and has the very size, or in place, or else by malloc, copy and free; an
  // offset given to malloc_aligned_at is lost if it moves. Null: the old block is as it was.
  // Requires: `align` as for malloc.
  void* grow(void* ptr, size_t old_size, size_t new_size, size_t align);

  // Never fails, never moves. Requires: new_size ≤ old_size.
  void shrink(void* ptr, size_t old_size, size_t new_size);

  // grow_in_place or shrink, whichever is due. Returns whether the block holds `new_size` bytes now.
  bool resize_in_place(void* ptr, size_t old_size, size_t new_size);

  // grow or shrink, whichever is due, but the block may move on both, where that closes gaps
  // (see Config::compact). Null: the old block is as it was. Shrinking never fails.
  void* realloc(void* ptr, size_t old_size, size_t new_size, size_t align);

  // What it holds now, and has handled in all. Requires: Config::counters. Cost: constant.
  Counters get_counters() const;

  // Null if every invariant holds, else a sentence that names the first broken one. Cost: O(chunks).
  const char* find_fault() const;

  // Calls f(Span heap) for each heap, newest first.
  template <class F>
  void for_each_heap(F f) const;

  // Calls f(Span chunk, bool allocated), from the top of `heap` down. What waits in quick lists looks
  // allocated, but for after get_allocated_span. Requires: `heap` is established.
  template <class F>
  void for_each_chunk(Span heap, F f) const;

  // Calls f(Span gap) for each gap of `least_bytes` or more until it returns false, small ones first. What
  // it writes into a gap from the fourth word on, but for the last one, stays. Returns whether all were
  // seen.
  template <class F>
  bool for_each_gap(size_t least_bytes, F f) const;

  // The same in parts, one walk at a time: begin_walk, then walk_gaps until it is true. A part goes on at
  // the gap at which f was false. Gaps that come meanwhile may be left out, and those that go are.
  void begin_walk(size_t least_bytes);
  // The next part: f(gap). Returns whether it has seen all.
  template <class F>
  bool walk_gaps(F f);

  // Hands this engine to a lock, which makes a Talck of it. This one is left without any heap.
  template <class Lock>
  constexpr Talck<Lock, Talc> lock() &&;

 private:
  static_assert(kConfig.bins_per_doubling_log2 >= 1 && kConfig.bins_per_doubling_log2 <= 10);
  static_assert(!kConfig.small_code ||
                (!kConfig.quick_lists && !kConfig.spare_top && !kConfig.compact));
  using Guard = typename GuardOf<Handler>::Type;
  using TheQuickLists = typename Choose<kConfig.quick_lists, QuickLists<Guard>, NoQuickLists>::Type;
  using TheBins = typename Choose<kConfig.small_code, FewBins<Guard>,
                                  Bins<kConfig.bins_per_doubling_log2, Guard>>::Type;

  // Stands at the base of every heap. Its tag is that of the chunk that would lie below the first.
  struct [[gnu::may_alias]] HeapHeader {
    HeapHeader* next;
    char* acme;
    size_t tag;

    char* base() { return reinterpret_cast<char*>(this); }
    char* first_chunk() { return base() + sizeof(HeapHeader); }
  };
  static_assert(sizeof(HeapHeader) == 3 * kWordSize);

  // A place for a request: where in which gap. No gap: none was found.
  struct Fit {
    Gap* gap;
    char* payload;
  };

  // While no gap has this share of what is claimed, memory is scarce.
  static constexpr size_t kScarceShare = 2;

  // search.hpp
  bool look_whether_scarce();
  Gap* find_plain(size_t need);
  Gap* find_packed(size_t need, unsigned bin);
  Gap* find_instead_of_top(Gap* top);
  Fit find_fit(size_t need, size_t align, size_t offset);
  Gap* find_first(size_t need, size_t align, size_t offset);
  Gap* find_anywhere(size_t need, size_t align, size_t offset);

  // blocks.hpp
  void* take_waiting(size_t size, size_t align, size_t offset);
  void* malloc_from_gap(size_t size, size_t align, size_t offset);
  void* try_malloc(size_t size, size_t align, size_t offset);
  void* carve(Fit fit, size_t size);
  void seat(char* base, char* payload, size_t size, char* acme);
  char* absorb_above(char* tag_at);
  static char* find_tag(char* payload, size_t size);
  static Gap* gap_below(char* base, size_t size);
  Gap* free_chunk(char* base, char* tag_at);
  void merge_waiting();
  void merge_waiting_and(char* base, char* tag_at);
  bool may_wait(size_t chunk_size) const;
  void let_wait(char* base, size_t chunk_size);
  void insert_gap(char* base, size_t size);
  void remove_gap(Gap* gap);
  void tell_top(Gap* gap);
  void tell_tops();

  // resize.hpp
  bool moving_closes_gaps(void* ptr, size_t old_size, size_t new_size, size_t align);

  // heaps.hpp
  static unsigned affordable_bins(size_t heap_bytes, size_t claimed_bytes);
  static size_t table_bytes(unsigned bin_count);
  void adopt_table(char* memory, unsigned bin_count);
  void enlarge_table(size_t heap_bytes);
  HeapHeader* header_of(Span heap) const;
  HeapHeader** link_to(const HeapHeader* header);
  HeapHeader* move_header(HeapHeader* from, char* to);
  static Gap* top_gap(HeapHeader* header);
  static Gap* bottom_gap(HeapHeader* header);
  void extend_up(HeapHeader* header, char* acme);
  HeapHeader* extend_down(HeapHeader* header, char* base);
  Span shrink_free_heap(HeapHeader* header, Span to);

  // validate.hpp
  const char* check_heap(HeapHeader* header, ChunkCensus& census) const;
  const char* check_bins(ChunkCensus& census) const;
  const char* check_waiting() const;
  size_t free_bytes() const;
  void check_entry() const {
    if constexpr (kConfig.validate) {
      const char* const fault = find_fault();
      if (fault != nullptr) {
        assertion_failed(fault);
      }
    }
  }

  void change_claimed(size_t by);
  void enter_bin(unsigned bin);  // walk_gaps does

  // Where walk_gaps goes on: at a gap, or at the first one of the bin. Of zeros, as all of an engine is at
  // first: else the arenas of a process would stand in its file.
  struct Walk {
    bool has_more = false;
    unsigned bin = 0;
    Gap* gap = nullptr;
    size_t least_bytes = 0;
  };
  struct NoWalk {};

  TheBins bins_;
  [[no_unique_address]] TheQuickLists quick_;
  HeapHeader* heaps_ = nullptr;
  size_t claimed_bytes_ = 0;
  unsigned plenty_bin_ = 0;  // memory is scarce while all gaps are in bins below
  bool is_scarce_ = false;   // as the last search saw it
  [[no_unique_address]] typename Choose<kConfig.walks_in_parts, Walk, NoWalk>::Type walk_;
  [[no_unique_address]] Tally<kConfig.counters> tally_;
};

}  // namespace talc

#include "talc/core/blocks.hpp"    // IWYU pragma: export
#include "talc/core/heaps.hpp"     // IWYU pragma: export
#include "talc/core/resize.hpp"    // IWYU pragma: export
#include "talc/core/search.hpp"    // IWYU pragma: export
#include "talc/core/validate.hpp"  // IWYU pragma: export
