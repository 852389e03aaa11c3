// HeapPool: several regions of memory whose heaps come, grow, shrink and go at random edges, as
// what drives them and as the model that says what claim, extend and truncate must answer.
//
//     region   |revoked …|   heap   |… revoked|      at most one heap a region
//
// A PoolHandler makes an engine ask the pool for memory and tell it of free tops, so that heaps
// also change in the middle of the engine's own operations.
#pragma once

#include <vector>

#include "core/test_memory.hpp"
#include "talc/core/counters.hpp"

namespace talc {

class HeapPool {
 public:
  HeapPool(Random& random, size_t region_count, size_t region_bytes) : random_(random) {
    for (size_t i = 0; i < region_count; ++i) {
      regions_.push_back({TestMemory(region_bytes, 4096, random.below(64)), Span()});
      TestMemory::revoke(regions_.back().memory.span());
    }
  }

  // Returns whether there is a heap more.
  template <class TalcType>
  bool claim_some(TalcType& talc) {
    Region& region = any_region();
    if (region.heap.is_sized()) {
      return false;
    }
    const Span memory = region.memory.span();
    const Span wanted = random_.one_in(2) ? memory
                                          : memory.truncate(random_.magnitude(memory.size()),
                                                            random_.magnitude(memory.size()));
    TestMemory::grant(wanted);
    region.heap = talc.claim(wanted);
    TestMemory::replace_grant(wanted, region.heap);
    if (region.heap.is_empty()) {
      EXPECT_LT(wanted.size(), kEnoughForAHeap + wanted.size() / 16);
      return false;
    }
    EXPECT_EQ(region.heap, wanted.word_align_inward());
    expected_.heap_count += 1;
    expected_.total_heaps += 1;
    expected_.claimed_bytes += region.heap.size();
    expected_.total_claimed_bytes += region.heap.size();
    return true;
  }

  // Returns whether a heap has become larger.
  template <class TalcType>
  bool extend_some(TalcType& talc) {
    Region& region = any_region();
    const Span before = region.heap;
    if (before.is_empty() || busy_ != nullptr) {
      return false;
    }
    const Span wanted = before.extend(some_bytes(), some_bytes()).fit_within(region.memory.span());
    TestMemory::replace_grant(before, wanted);
    busy_ = &region;
    region.heap = talc.extend(before, wanted);
    busy_ = nullptr;
    TestMemory::replace_grant(wanted, region.heap);
    EXPECT_TRUE(wanted.contains_span(region.heap));
    EXPECT_TRUE(region.heap.contains_span(before));
    // Each side moves as far as it can, unless that is too little for a gap.
    EXPECT_LT(region.heap.base, wanted.base + kMinGap);
    EXPECT_GT(region.heap.acme, wanted.acme - kMinGap);
    const size_t more = region.heap.size() - before.size();
    expected_.claimed_bytes += more;
    expected_.total_claimed_bytes += more;
    return more != 0;
  }

  template <class TalcType>
  void truncate_some(TalcType& talc) {
    Region& region = any_region();
    if (region.heap.is_sized() && busy_ == nullptr) {
      truncate(talc, region, region.heap.truncate(some_bytes(), some_bytes()));
    }
  }

  // Draws every heap back as far as it goes.
  template <class TalcType>
  void truncate_all(TalcType& talc) {
    for (Region& region : regions_) {
      if (region.heap.is_sized()) {
        truncate(talc, region, Span());
      }
    }
  }

  // What the handler does when an engine tells it of a free top.
  template <class TalcType>
  void on_top_free(TalcType& talc, Span heap, size_t free_bytes) {
    Region* const region = region_of(heap);
    ASSERT_NE(region, nullptr) << "told of a heap that is none";
    ASSERT_NE(region, busy_) << "told of a heap that is being changed";
    EXPECT_LT(free_bytes, heap.size());
    if (random_.one_in(2)) {
      const Span to = random_.one_in(2) ? Span() : heap.truncate(0, random_.below(free_bytes + 1));
      truncate(talc, *region, to);
    }
  }

  // What the engine's counters must say of heaps; the other members are 0.
  const Counters& expected() const { return expected_; }
  size_t heap_count() const { return expected_.heap_count; }

  // Whether `block` lies in one of the heaps.
  bool holds(Span block) const {
    for (const Region& region : regions_) {
      if (region.heap.contains_span(block)) {
        return true;
      }
    }
    return false;
  }

 private:
  static constexpr size_t kMinGap = 3 * kWordSize;
  static constexpr size_t kEnoughForAHeap = 400;

  struct Region {
    TestMemory memory;
    Span heap;
  };

  Region& any_region() { return regions_[random_.below(regions_.size())]; }

  Region* region_of(Span heap) {
    for (Region& region : regions_) {
      if (region.heap == heap && heap.is_sized()) {
        return &region;
      }
    }
    return nullptr;
  }

  // Often a few bytes, sometimes much.
  size_t some_bytes() {
    return random_.one_in(3) ? random_.magnitude(regions_[0].memory.size()) : random_.below(64);
  }

  template <class TalcType>
  void truncate(TalcType& talc, Region& region, Span to) {
    const Span before = region.heap;
    Region* const outer = busy_;
    busy_ = &region;
    const Span used = talc.get_allocated_span(before);
    region.heap = talc.truncate(before, to);
    busy_ = outer;
    TestMemory::replace_grant(before, region.heap);
    EXPECT_TRUE(before.contains_span(region.heap));
    EXPECT_TRUE(region.heap.contains_span(used)) << "an allocation was truncated";
    if (region.heap.is_empty()) {
      EXPECT_LT(to.size(), 8 * kMinGap) << "the heap is gone without need";
      expected_.heap_count -= 1;
    } else if (to.is_sized() && used.is_sized()) {
      EXPECT_LT(region.heap.acme, (to.acme > used.acme ? to.acme : used.acme) + kMinGap);
    }
    expected_.claimed_bytes -= before.size() - region.heap.size();
  }

  Random& random_;
  std::vector<Region> regions_;
  Region* busy_ = nullptr;  // the heap that an operation of the engine is changing
  Counters expected_;
};

// Leads an engine to a pool, and gives up now and then.
struct PoolHandler {
  static constexpr size_t kTopFreeThreshold = 200;
  HeapPool* pool = nullptr;
  Random* random = nullptr;

  template <class TalcType>
  bool handle_oom(TalcType& talc, size_t, size_t) {
    for (int attempt = 0; attempt < 4; ++attempt) {
      if (random->one_in(2) ? pool->claim_some(talc) : pool->extend_some(talc)) {
        return true;
      }
      if (random->one_in(4)) {
        pool->truncate_some(talc);
      }
    }
    return false;
  }

  template <class TalcType>
  void on_top_free(TalcType& talc, Span heap, size_t free_bytes) {
    pool->on_top_free(talc, heap, free_bytes);
  }
};

}  // namespace talc
