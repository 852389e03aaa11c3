// The bounds stated at the head of core/talc.hpp, held to by counting steps: one for each gap,
// chunk, heap or bin that a loop of the engine looks at, among a hundred thousand gaps made to be
// in the way.
//
// A program of its own: what counts steps must do so in all files of a program.
#define TALC_COUNT_STEPS

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "core/test_memory.hpp"
#include "talc/base/steps.hpp"
#include "talc/core/talc.hpp"
#include "talc/oom/err_on_oom.hpp"

namespace talc {
namespace {

using TheBins = Bins<Config{}.bins_per_doubling_log2>;

// At most two searches, each of which looks at the first eight gaps of two bins if memory is scarce.
constexpr size_t kSearchSteps = 2 * 2 * 8;
// What waits may have to be merged, once.
constexpr size_t kMergeSteps = 512;
// Where there is a gap that every search finds.
constexpr size_t kMallocSteps = kSearchSteps + kMergeSteps;

template <class F>
size_t steps_of(F f) {
  const size_t before = step_count;
  f();
  return step_count - before;
}

struct Variant {
  const char* name;
  size_t gap_count;
  // The size of the chunk that becomes gap number `index`.
  size_t (*gap_bytes)(size_t index);
};

const Variant kVariants[] = {
    {"OneSize", 100000, [](size_t) { return size_t{48}; }},
    {"ExactBins", 100000, [](size_t index) { return 24 + index % 40 * 8; }},
    // All in a bin or two, and most of them too small for requests of 1096 bytes and more.
    {"OneBin", 10000, [](size_t index) { return 1040 + index % 8 * 8; }},
    {"ManyBins", 10000, [](size_t index) { return 24 + index * index % 3000 / 8 * 8; }},
    // What a request aligned to 64 finds is nearly always misaligned.
    {"Misaligned", 60000, [](size_t) { return size_t{88}; }},
};

using CountingTalc = Talc<ErrOnOom, Config{.counters = true, .validate = false}>;

// A heap of gaps separated by walls, with a gap on top that is larger than all of them, unless
// taken.
class Cost : public testing::TestWithParam<Variant> {
 protected:
  void SetUp() override {
    const Variant& variant = GetParam();
    size_t bytes = size_t{1} << 20;
    for (size_t i = 0; i < variant.gap_count; ++i) {
      bytes += variant.gap_bytes(i) + kMinChunkSize;
    }
    memory_ = std::make_unique<TestMemory>(2 * bytes);
    heap_ = talc_.claim(memory_->span());
    for (size_t i = 0; i < variant.gap_count; ++i) {
      const size_t size = variant.gap_bytes(i) - kTagSize;
      holes_.push_back(Span::from_base_size(malloc(size), size));
      walls_.push_back(malloc(1));
    }
    for (const Span hole : holes_) {
      talc_.free(hole.base, hole.size());
    }
    ASSERT_TRUE(heap_.is_sized() && walls_.back() != nullptr);
    merge();
    ASSERT_GE(talc_.get_counters().gap_count, variant.gap_count);
  }

  char* malloc(size_t size, size_t align = 1) {
    return static_cast<char*>(talc_.malloc(size, align));
  }
  void merge() { talc_.get_allocated_span(heap_); }

  // Takes all gaps that are larger than those of the variant.
  void take_top() {
    merge();
    size_t largest = 0;
    for (const Span hole : holes_) {
      largest = std::max(largest, hole.size());
    }
    for (size_t size = heap_.size(); size > 2 * largest + 64; size -= size / 16) {
      while (malloc(size) != nullptr) {
      }
    }
  }

  // The most steps that one of many requests took.
  size_t most_steps_of_mallocs(size_t count, size_t max_align) {
    Random random(test_seed(5));
    size_t most = 0;
    for (size_t i = 0; i < count; ++i) {
      const size_t size = random.one_in(2) ? random.below(2000) : random.magnitude(3000);
      const size_t align = size_t{1} << random.below(floor_log2(max_align) + 1);
      char* ptr = nullptr;
      most = std::max(most, steps_of([&] { ptr = malloc(size, align); }));
      EXPECT_NE(ptr, nullptr);
      most = std::max(most, steps_of([&] { talc_.free(ptr, size); }));
    }
    return most;
  }

  std::unique_ptr<TestMemory> memory_;
  CountingTalc talc_;
  Span heap_;
  std::vector<Span> holes_;
  std::vector<char*> walls_;
};

INSTANTIATE_TEST_SUITE_P(Gaps, Cost, testing::ValuesIn(kVariants),
                         [](const testing::TestParamInfo<Variant>& variant) {
                           return std::string(variant.param.name);
                         });

TEST_P(Cost, MallocIsBoundedWhileALargeGapIsThere) {
  EXPECT_LE(most_steps_of_mallocs(20000, 4096), kMallocSteps);
}

// The same where no gap is half of what is claimed, and the engine packs.
TEST_P(Cost, MallocIsBoundedWhileMemoryIsScarce) {
  ASSERT_NE(malloc(heap_.size() / 4), nullptr);
  ASSERT_GE(steps_of([&] { malloc(holes_[0].size()); }), 1U) << "it looks at several gaps";
  EXPECT_LE(most_steps_of_mallocs(20000, 4096), kMallocSteps);
}

// The last look goes from gap to gap: bins without any are passed over.
TEST_P(Cost, FailureLooksAtNoEmptyBins) {
  take_top();
  merge();
  const size_t largest = std::max_element(holes_.begin(), holes_.end(), [](Span a, Span b) {
                           return a.size() < b.size();
                         })->size();
  const size_t steps = steps_of([&] { EXPECT_EQ(malloc(4 * largest + 256, 4096), nullptr); });
  EXPECT_LE(steps, kSearchSteps);
}

// Merging costs a step for each chunk that waited, so a step for each free on average.
TEST_P(Cost, FreeIsBoundedAndCheapOnAverage) {
  size_t most = 0;
  const size_t sum = steps_of([&] {
    for (char* const wall : walls_) {
      most = std::max(most, steps_of([&] { talc_.free(wall, 1); }));
    }
    merge();
  });
  EXPECT_LE(most, kMergeSteps);
  EXPECT_LE(sum, walls_.size());
}

TEST_P(Cost, GrowInPlaceAndShrinkNeedNoLoop) {
  EXPECT_EQ(steps_of([&] {
              for (char* const wall : walls_) {
                const bool grown = talc_.grow_in_place(wall, 1, 17);
                talc_.shrink(wall, grown ? 17 : 1, 0);
              }
            }),
            0U);
}

TEST_P(Cost, ReallocIsBoundedWhileALargeGapIsThere) {
  Random random(test_seed(6));
  size_t most = 0;
  for (char*& wall : walls_) {
    size_t size = 1;
    for (int i = 0; i < 2; ++i) {
      const size_t new_size = random.below(400);
      most = std::max(most, steps_of([&] {
                        wall = static_cast<char*>(talc_.realloc(wall, size, new_size, 8));
                      }));
      size = new_size;
      ASSERT_NE(wall, nullptr);
    }
    talc_.free(wall, size);
    wall = malloc(1);
  }
  // A search to weigh places, the search of malloc; merging before each, and by free.
  EXPECT_LE(most, 2 * kSearchSteps + 3 * kMergeSteps);
}

// The last look before failure is at each gap once.
TEST_P(Cost, FailureLooksAtEachGapOnce) {
  take_top();
  merge();
  const size_t gaps = talc_.get_counters().gap_count;
  for (const size_t size : Sizes{1100, 1200, 5000, 1 << 20, 1 << 26}) {
    for (const size_t align : Sizes{8, 64, 4096}) {
      void* ptr = nullptr;
      const size_t steps = steps_of([&] { ptr = malloc(size, align); });
      EXPECT_LE(steps, gaps + kSearchSteps) << size << " at " << align;
      if (ptr != nullptr) {
        talc_.free(ptr, size);
        merge();
      }
    }
  }
}

TEST_P(Cost, HeapsComeAndGoWithoutLookingAtGaps) {
  // The table stays where it is: the new heaps are small.
  constexpr size_t kCount = 100;
  constexpr size_t kBytes = 256;
  const TestMemory memory(3 * kCount * kBytes);
  std::vector<Span> heaps;
  for (size_t i = 0; i < kCount; ++i) {
    const size_t at = (3 * i + 1) * kBytes;
    EXPECT_EQ(steps_of([&] { heaps.push_back(talc_.claim(memory.part(at, at + kBytes))); }), 0U);
    ASSERT_TRUE(heaps.back().is_sized());
  }
  for (size_t i = 0; i < kCount; ++i) {
    Span& heap = heaps[i];
    talc_.free(walls_[i], 1);
    const Span wide = heap.extend(kBytes, kBytes);
    EXPECT_LE(steps_of([&] { heap = talc_.extend(heap, wide); }), kCount + kMergeSteps);
    EXPECT_EQ(heap, wide);
    EXPECT_EQ(steps_of([&] { talc_.get_allocated_span(heap); }), 0U);
    EXPECT_LE(steps_of([&] { heap = talc_.truncate(heap, heap.truncate(64, 64)); }), kCount + 1);
    EXPECT_LE(steps_of([&] { heap = talc_.truncate(heap, Span()); }), kCount + 1);
    EXPECT_TRUE(heap.is_empty());
  }
}

TEST_P(Cost, MovingTheTableTakesAStepForEachBinAndGap) {
  const TestMemory memory(size_t{64} << 20);
  const size_t gaps = talc_.get_counters().gap_count;
  const size_t steps = steps_of([&] { talc_.claim(memory.span()); });
  EXPECT_LE(steps, 2 * (gaps + TheBins::ideal_index(memory.size() + heap_.size()) + 1));
  EXPECT_LE(most_steps_of_mallocs(5000, 4096), kMallocSteps) << "with the larger table";
}

// Bins tell apart what all heaps hold together, however small each of them is.
TEST(CostOfManyHeaps, MallocIsBounded) {
  constexpr size_t kHeaps = 5000;
  constexpr size_t kBytes = 4096;
  const TestMemory memory(kHeaps * kBytes);
  CountingTalc talc;
  std::vector<Span> blocks;
  for (size_t i = 0; i < kHeaps; ++i) {
    talc.claim(memory.part(i * kBytes, (i + 1) * kBytes));
  }
  // Most heaps keep a gap that is just too small, a few are empty.
  for (size_t i = 0; i < kHeaps - 50; ++i) {
    ASSERT_NE(talc.malloc(kBytes / 2, 8), nullptr);
  }
  size_t most = 0;
  for (int i = 0; i < 40; ++i) {
    void* ptr = nullptr;
    most = std::max(most, steps_of([&] { ptr = talc.malloc(kBytes / 2 + 100, 8); }));
    ASSERT_NE(ptr, nullptr);
  }
  EXPECT_LE(most, kMallocSteps);
}

// A handler that wants to hear of tops costs a look at each heap, at most.
struct Listener : ErrOnOom {
  static constexpr size_t kTopFreeThreshold = 128;
  template <class TalcType>
  void on_top_free(TalcType&, Span, size_t) {}
};

TEST(CostOfManyHeaps, FreeTellsOfTopsInAStepForEachHeap) {
  constexpr size_t kHeaps = 500;
  constexpr size_t kBytes = 4096;
  const TestMemory memory(kHeaps * kBytes);
  Talc<Listener, Config{.validate = false}> talc;
  for (size_t i = 0; i < kHeaps; ++i) {
    talc.claim(memory.part(i * kBytes, (i + 1) * kBytes));
  }
  std::vector<void*> blocks;
  for (void* ptr; (ptr = talc.malloc(1500, 8)) != nullptr;) {
    blocks.push_back(ptr);
  }
  for (void* const block : blocks) {
    EXPECT_LE(steps_of([&] { talc.free(block, 1500); }), 2 * kHeaps + kMergeSteps);
  }
}

}  // namespace
}  // namespace talc
