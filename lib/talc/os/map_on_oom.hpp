// MapOnOom: the OOM handler of hosted programs. It claims heaps with mmap, lets them grow in place
// with mremap, and gives their tops back to the kernel when they are free.
//
//     |<--------------- one heap = one mapping ---------------->|
//     | header | chunks …                            | top gap  |-> grows here, if nobody is there
//
// Few mappings: a heap is placed (heap_placement.hpp) where it can grow for long, so most engines
// have one. Growth is geometric, a quarter of what is mapped, since untouched pages cost nothing; a
// refusal is answered by smaller steps, down to what the request needs. Giving back keeps some
// slack, which doubles each time it proves too small. What the kernel refuses to take back stays in
// the heap.
//
// `Kernel` is where memory comes from (pages.hpp). `Registry` is told of heaps: it is asked for the
// right to map so many bytes before the kernel is, and has it back when those are the kernel's; it
// says from which size on a heap should have huge pages, reserves what it needs for a range, learns of
// it before the engine uses it and again after it has ceased to. It may know what of a gap has pages,
// and purge that itself (purge_top). Neither may allocate from the engine: the handler runs inside an
// allocation, with its lock held.
#pragma once

#include "talc/base/assert.hpp"
#include "talc/base/span.hpp"
#include "talc/core/guard.hpp"
#include "talc/os/gap_purge.hpp"
#include "talc/os/heap_placement.hpp"
#include "talc/os/pages.hpp"

namespace talc {

// The registry of those who need none.
struct NoRegistry {
  static bool try_take(size_t) { return true; }  // whether so many bytes may be mapped
  static void give_back(size_t) {}  // they are the kernel's again, or were never mapped
  // From which size on a heap should have huge pages, where the handler's own choice is `adaptive`.
  static size_t huge_from(size_t adaptive) { return adaptive; }
  static bool reserve(Span) { return true; }  // whether there is what it needs to know of a range
  static void add(Span) {}                    // the engine is about to use it
  static void remove(Span) {}                 // the engine has ceased to
  static void put_back(Span) {}               // it goes on: the kernel did not take it
  static void begin_purge() {}                // a pass begins
  // Whether it knows itself what of the gap has pages.
  static bool is_top(Span) { return false; }
  // As GapPurge::visit, of such a gap.
  static bool purge_top(Span, PurgePass&) { return true; }
};

template <class Kernel = Pages, class Registry = NoRegistry>
class MapOnOom {
 public:
  // Heaps begin and end at multiples of this: a granule of the page map, and the largest page.
  static constexpr size_t kGrain = size_t{64} << 10;
  // A heap's first size, and the least step by which it grows: untouched pages cost nothing, and a
  // small program needs no second step.
  static constexpr size_t kMinStep = size_t{1} << 20;
  // What Config::fixed_bins should be: as many as a small first heap can pay for, so that the table
  // stays at its bottom. With 64 per doubling they tell sizes up to 16 MiB apart.
  static constexpr unsigned kFixedBins = kMinStep / 128 / kWordSize;
  // The largest step, unless a request needs more.
  static constexpr size_t kMaxStep = size_t{64} << 20;
  // What stays on top of a heap when the rest of its top gap is given back, so that what comes and goes is
  // not faulted in each time; the purger takes what lies idle.
  static constexpr size_t kMinSlack = size_t{16} << 20;
  // The most that it becomes, by doubling.
  static constexpr size_t kMaxSlack = size_t{64} << 20;

  // A heap that has become so large gets huge pages for what it grows by from then on, unless the
  // registry says otherwise.
  static constexpr size_t kHugeFrom = size_t{64} << 20;
  // The size of one.
  static constexpr size_t kHugePage = size_t{2} << 20;

  // From here on Talc tells of a free top.
  static constexpr size_t kTopFreeThreshold = size_t{2} << 20;

  // The engine's, if the registry brings one.
  using Guard = typename GuardOf<Registry>::Type;

  constexpr MapOnOom() = default;
  // Maps nothing until it is asked.
  constexpr explicit MapOnOom(Registry registry) : registry_(registry) {}

  // Lets the engine's heap grow, or claims another one. Ensures: true if a block of `size` bytes aligned
  // to `align` fits now. Cost: one system call,
  // more only after a refusal.
  template <class TalcType>
  bool handle_oom(TalcType& talc, size_t size, size_t align) {
    // Wherever a gap begins, this much of it holds the block.
    const size_t need_bytes = size + align + kBlockOverhead;
    if (need_bytes < size || need_bytes > kMaxNeed || may_not_grow_) {
      return false;
    }
    if (trimmed_since_growth_) {
      trimmed_since_growth_ = false;
      slack_bytes_ = smaller(2 * slack_bytes(), kMaxSlack);
    }
    const Busy busy(*this);
    return grow(talc, need_bytes) || claim_new(talc, need_bytes);
  }

  // Gives the top of `heap` back, or all of a heap that is not the growing one, where it pays.
  template <class TalcType>
  void on_top_free(TalcType& talc, Span heap, size_t free_bytes) {
    if (busy_) {
      return;  // the engine moves its bins, at the top of a heap that is being changed
    }
    const Busy busy(*this);
    if (heap != current_ && free_bytes + kHeapOverhead == heap.size()) {
      drop(talc, heap);
    } else if (free_bytes >= 2 * slack_bytes()) {
      trim_top(talc, heap, slack_bytes());
    }
  }

  // Gives back addresses, but for `keep_bytes` on top of the growing heap: the tops of heaps and whole
  // heaps. Returns whether anything was given back. Cost: O(heaps).
  template <class TalcType>
  bool trim(TalcType& talc, size_t keep_bytes) {
    const Busy busy(*this);
    bool has_trimmed = false;
    talc.for_each_heap([&](Span heap) {
      const bool is_current = heap == current_;
      const bool is_free = talc.get_allocated_span(heap).is_empty();
      has_trimmed |= is_free && !is_current ? drop(talc, heap)
                                            : trim_top(talc, heap, is_current ? keep_bytes : 0);
    });
    slack_bytes_ = 0;
    return has_trimmed;
  }

  // From now on heaps get small pages only, until they grow: much of them was purged.
  template <class TalcType>
  void refuse_huge(TalcType& talc) {
    if (!refuses_huge_ && !is_all_huge_) {
      refuses_huge_ = true;
      talc.for_each_heap([](Span heap) { Kernel::refuse_huge(heap); });
      huge_ = Span();
    }
  }

  // A pass of the purger: begin_purge, then purge until it is over, perhaps in parts. Gives back what it is to
  // take of the gaps' pages. Cost: linear in the number of gaps of 16 KiB and more.
  template <class TalcType>
  void begin_purge(TalcType& talc) {
    registry_.begin_purge();
    talc.begin_walk(GapPurge<Kernel>::kMinBytes);
  }
  // One part of it.
  template <class TalcType>
  void purge(TalcType& talc, PurgePass& pass) {
    if (pass.takes != PurgePass::Takes::nothing) {
      talc.for_each_heap([&](Span heap) { (void)talc.get_allocated_span(heap); });  // what waits
    }
    talc.walk_gaps([&](Span gap) {
      if (!pass.may_go_on()) {
        return false;
      }
      pass.count_step();
      return registry_.is_top(gap) ? registry_.purge_top(gap, pass)
                                   : GapPurge<Kernel>::visit(gap, pass);
    });
  }

  // Unmaps every heap. Requires: nothing allocated from `talc` is used again, nor `talc` itself.
  template <class TalcType>
  void unmap_all(TalcType& talc) {
    talc.for_each_heap([&](Span heap) {
      registry_.remove(heap);
      Kernel::unmap(heap);
      registry_.give_back(heap.size());
    });
  }

  // While false, requests that do not fit fail: their sender has something to give back first.
  void set_may_grow(bool may_grow) { may_not_grow_ = !may_grow; }

  // Bytes of all its heaps.
  size_t mapped_bytes() const { return mapped_bytes_; }
  // Its state is for whoever wrote it.
  Registry& registry() { return registry_; }

 private:
  // Beyond the request, a chunk may need: its tag and rounding; a heap may need: its header.
  static constexpr size_t kBlockOverhead = 4 * kWordSize;
  static constexpr size_t kHeapOverhead = 3 * kWordSize;
  static constexpr size_t kMinGap = 3 * kWordSize;
  static constexpr size_t kMaxNeed = ~size_t{0} / 4;

  // While the handler changes heaps, the engine may free an old table of bins and tell of a free
  // top.
  class Busy {
   public:
    explicit Busy(MapOnOom& handler) : handler_(handler) { handler_.busy_ = true; }
    ~Busy() { handler_.busy_ = false; }
    Busy(const Busy&) = delete;
    Busy& operator=(const Busy&) = delete;

   private:
    MapOnOom& handler_;
  };

  static constexpr size_t larger(size_t a, size_t b) { return a < b ? b : a; }

  size_t slack_bytes() const { return slack_bytes_ == 0 ? kMinSlack : slack_bytes_; }

  size_t step_bytes() const {
    return align_up(larger(kMinStep, smaller(mapped_bytes_ / 4, kMaxStep)), kGrain);
  }

  // Calls attempt(bytes) with less and less, from a geometric step down to the least that serves,
  // until it succeeds.
  template <class Attempt>
  bool attempt_sizes(size_t least_bytes, Attempt attempt) const {
    for (size_t bytes = larger(step_bytes(), least_bytes);;
         bytes = larger(align_up(bytes / 2, kGrain), least_bytes)) {
      if (attempt(bytes)) {
        return true;
      }
      if (bytes == least_bytes) {
        return false;
      }
    }
  }

  // ---- growth ----

  template <class TalcType>
  bool grow(TalcType& talc, size_t need_bytes) {
    if (current_.is_empty()) {
      return false;
    }
    const size_t top_bytes = static_cast<size_t>(current_.acme - used_end(talc, current_));
    const size_t missing_bytes = need_bytes > top_bytes ? need_bytes - top_bytes : 1;
    return attempt_sizes(align_up(missing_bytes, kGrain),
                         [&](size_t bytes) { return extend_by(talc, bytes); });
  }

  template <class TalcType>
  bool extend_by(TalcType& talc, size_t bytes) {
    const Span wider = current_.extend(0, bytes);
    if (wider.size() != current_.size() + bytes) {
      return false;
    }
    const Span added(current_.acme, wider.acme);
    const Span last = last_mapping();
    if (!registry_.try_take(bytes)) {
      return false;
    }
    if (!registry_.reserve(added) || !Kernel::resize_in_place(last, last.size() + bytes)) {
      registry_.give_back(bytes);
      return false;
    }
    if (last.base == huge_.base) {
      huge_.acme = wider.acme;
    }
    advise_huge(added);
    registry_.add(added);
    mapped_bytes_ += bytes;
    current_ = talc.extend(current_, wider);
    TALC_ASSERT(current_ == wider);
    return true;
  }

  // ---- huge pages ----

  // The part of the growing heap that mremap can make longer: advice has split it off.
  Span last_mapping() const {
    if (huge_.is_empty()) {
      return current_;
    }
    return Span(huge_.acme < current_.acme ? huge_.acme : huge_.base, current_.acme);
  }

  // `added` is new on top of the growing heap, which is large: it grows because it is full. Its last
  // page stays small, for the engine keeps a word at the very top, which would make all of a huge
  // one resident.
  void advise_huge(Span added) {
    if (is_all_huge_) {
      Kernel::count_advised(added);  // the mapping had advice before it grew
      return;
    }
    if (mapped_bytes_ < registry_.huge_from(kHugeFrom)) {
      return;
    }
    char* const from = huge_.is_empty() ? align_up(added.base, kHugePage) : huge_.acme;
    const Span pages(from, align_down(added.acme - 1, kHugePage));
    if (pages.is_sized() && Kernel::advise_huge(pages)) {
      refuses_huge_ = false;
      huge_ = Span(huge_.is_empty() ? from : huge_.base, pages.acme);
    }
  }

  template <class TalcType>
  bool claim_new(TalcType& talc, size_t need_bytes) {
    // A first heap also holds the engine's bins, a small part of it.
    const size_t least_bytes = align_up(need_bytes + need_bytes / 16 + kHeapOverhead, kGrain);
    return attempt_sizes(least_bytes, [&](size_t bytes) { return claim_mapped(talc, bytes); });
  }

  template <class TalcType>
  bool claim_mapped(TalcType& talc, size_t bytes) {
    if (!registry_.try_take(bytes)) {
      return false;
    }
    const Span heap = Span::from_base_size(map_heap(bytes), bytes);
    if (heap.base == nullptr || !registry_.reserve(heap)) {
      if (heap.base != nullptr) {
        Kernel::unmap(heap);
      }
      registry_.give_back(bytes);
      return false;
    }
    registry_.add(heap);
    mapped_bytes_ += bytes;
    huge_ = Span();
    refuses_huge_ = false;
    // All of it, so that it stays one mapping; the last page, too.
    is_all_huge_ = registry_.huge_from(kHugeFrom) == 0 && Kernel::advise_huge(heap);
    current_ = talc.claim(heap);
    TALC_ASSERT(current_ == heap);
    return true;
  }

  static char* map_heap(size_t bytes) {
    char* const placed = Kernel::map(HeapPlacement::next(), bytes);
    if (placed == nullptr) {
      HeapPlacement::return_last();
      return nullptr;
    }
    if (is_aligned(placed, kGrain)) {
      return placed;
    }
    Kernel::unmap(Span::from_base_size(placed, bytes));
    return map_aligned<Kernel>(bytes, kGrain);
  }

  // ---- giving back ----

  // Where the top gap of `heap` begins; its acme if there is none.
  template <class TalcType>
  static char* used_end(TalcType& talc, Span heap) {
    const Span used = talc.get_allocated_span(heap);
    return used.is_empty() ? heap.base + kHeapOverhead : used.acme;
  }

  template <class TalcType>
  bool trim_top(TalcType& talc, Span heap, size_t keep_bytes) {
    char* const end = used_end(talc, heap);
    const size_t top_bytes = static_cast<size_t>(heap.acme - end);
    // The engine leaves nothing on top, or room for a gap.
    if (keep_bytes > top_bytes || top_bytes - keep_bytes < kMinGap + kGrain) {
      return false;
    }
    char* const acme = align_up(end + keep_bytes + kMinGap, kGrain);
    const Span tail(acme, heap.acme);
    const Span kept = talc.truncate(heap, Span(heap.base, acme));
    TALC_ASSERT(kept == Span(heap.base, acme));
    if (!unmap(tail)) {
      talc.extend(kept, heap);
      return false;
    }
    if (heap == current_) {
      current_ = kept;
      huge_ = huge_.base < acme ? huge_.fit_within(kept) : Span();
      trimmed_since_growth_ = true;
    }
    return true;
  }

  // Requires: nothing is allocated in `heap`.
  template <class TalcType>
  bool drop(TalcType& talc, Span heap) {
    [[maybe_unused]] const Span kept = talc.truncate(heap, Span());
    TALC_ASSERT(kept.is_empty());
    if (!unmap(heap)) {
      talc.claim(heap);
      return false;
    }
    return true;
  }

  // Requires: the engine no longer uses `part`. Ensures: if false, it may use it again. A refusal
  // is a reason to wait longer before the next attempt.
  bool unmap(Span part) {
    registry_.remove(part);
    if (!Kernel::unmap(part)) {
      registry_.put_back(part);
      slack_bytes_ = kMaxSlack;
      return false;
    }
    mapped_bytes_ -= part.size();
    registry_.give_back(part.size());
    return true;
  }

  // The heap that grows; the one claimed last.
  Span current_;
  // The part of it that may have huge pages. Above it, what is not advised yet.
  Span huge_;
  size_t mapped_bytes_ = 0;
  // 0: kMinSlack. All zeros at first, so that arenas not yet used are no bytes of a file.
  size_t slack_bytes_ = 0;
  // All of it has huge pages, and so will what it grows by.
  bool is_all_huge_ = false;
  bool trimmed_since_growth_ = false;
  bool busy_ = false;
  bool may_not_grow_ = false;
  bool refuses_huge_ = false;
  [[no_unique_address]] Registry registry_;
};

}  // namespace talc
