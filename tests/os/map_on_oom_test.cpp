// Tests of os/map_on_oom.hpp: growth in place, few mappings and system calls, giving back without
// storms, and that no refusal of the kernel loses memory.
#include "talc/os/map_on_oom.hpp"

#include <gtest/gtest.h>
#include <string.h>

#include <vector>

#include "support/flaky_pages.hpp"
#include "support/proc_maps.hpp"
#include "support/sanitizers.hpp"
#include "talc/core/talc.hpp"
#include "talc/oom/oom_handler.hpp"

namespace talc {
namespace {

struct Tag;
using Kernel = FlakyPages<Tag>;

constexpr size_t kKiB = size_t{1} << 10;
constexpr size_t kMiB = size_t{1} << 20;

// Where addresses are few, something is soon in the way of a heap that grows by hundreds of MiB.
constexpr bool kHasRoom = kWordBits == 64;
constexpr size_t kMostHeaps = kHasRoom ? 1 : 4;

// Remembers which bytes are registered, in grains, and that every change was announced before.
class Ledger {
 public:
  explicit Ledger(size_t* registered_bytes) : bytes_(registered_bytes) {}
  static bool try_take(size_t bytes) {
    if (bytes > limit_ - taken_) {
      return false;
    }
    taken_ += bytes;
    return true;
  }
  static void give_back(size_t bytes) { taken_ -= bytes; }
  static size_t huge_from(size_t adaptive) { return huge_from_ == 1 ? adaptive : huge_from_; }
  static bool reserve(Span) {
    return reservations_left_ == 0 ? false : (reservations_left_ -= 1, true);
  }
  void add(Span heap) { *bytes_ += heap.size(); }
  void remove(Span heap) { *bytes_ -= heap.size(); }
  static void begin_purge() {}
  static bool is_top(Span) { return false; }
  static bool purge_top(Span, PurgePass&) { return true; }
  void put_back(Span heap) { add(heap); }
  static void limit_reservations(int count) { reservations_left_ = count; }
  static void set_limit(size_t bytes) { limit_ = bytes; }
  static void set_huge_from(size_t bytes) { huge_from_ = bytes; }
  static size_t taken_bytes() { return taken_; }

 private:
  static inline int reservations_left_ = -1;
  static inline size_t limit_ = ~size_t{0};
  static inline size_t huge_from_ = 1;
  static inline size_t taken_ = 0;
  size_t* bytes_;
};

using Handler = MapOnOom<Kernel, Ledger>;
using Engine = Talc<Handler, Config{.fixed_bins = Handler::kFixedBins,
                                    .counters = true,
                                    .validate = false,
                                    .walks_in_parts = true}>;
static_assert(TopFreeHandlerFor<Handler, Engine>);
static_assert(OomHandlerFor<MapOnOom<>, Talc<MapOnOom<>>>);

class MapOnOomTest : public testing::Test {
 protected:
  ~MapOnOomTest() override {
    Kernel::allow_all();
    Ledger::limit_reservations(-1);
    Ledger::set_limit(~size_t{0});
    Ledger::set_huge_from(1);
    engine_.oom_handler.unmap_all(engine_);
  }

  // The engine, the registry and the handler agree on how much there is.
  void expect_consistent() {
    EXPECT_EQ(engine_.find_fault(), nullptr);
    EXPECT_EQ(engine_.get_counters().claimed_bytes, engine_.oom_handler.mapped_bytes());
    EXPECT_EQ(registered_bytes_, engine_.oom_handler.mapped_bytes());
    EXPECT_EQ(Ledger::taken_bytes(), engine_.oom_handler.mapped_bytes());
  }

  std::vector<void*> fill(size_t bytes, size_t block_bytes) {
    std::vector<void*> blocks;
    for (size_t sum = 0; sum < bytes; sum += block_bytes) {
      void* const block = engine_.malloc(block_bytes, 8);
      EXPECT_NE(block, nullptr);
      blocks.push_back(block);
    }
    return blocks;
  }

  void empty(std::vector<void*>& blocks, size_t block_bytes) {
    while (!blocks.empty()) {
      engine_.free(blocks.back(), block_bytes);
      blocks.pop_back();
    }
  }

  size_t mapped() const { return engine_.oom_handler.mapped_bytes(); }

  size_t registered_bytes_ = 0;
  Engine engine_{Handler(Ledger(&registered_bytes_))};
};

TEST_F(MapOnOomTest, ALargeHeapGrowsByHugePagesAndStillInPlace) {
  Kernel::advices_left = 1000;
  std::vector<void*> blocks = fill(Handler::kHugeFrom - kMiB, 60 * kKiB);
  EXPECT_EQ(Kernel::advices_left, 1000);
  std::vector<void*> more = fill(64 * kMiB, 60 * kKiB);
  EXPECT_LT(Kernel::advices_left, 1000);
  EXPECT_GE(Kernel::advices_left, 1000 - 20);
  EXPECT_EQ(engine_.get_counters().heap_count, 1U);
  expect_consistent();
  // Down into what was advised and up again, down below it and up again.
  for (const size_t bytes : {40 * kMiB, 63 * kMiB}) {
    std::vector<void*> kept(more.begin(), more.end() - static_cast<ptrdiff_t>(bytes / (60 * kKiB)));
    for (size_t i = kept.size(); i < more.size(); ++i) {
      engine_.free(more[i], 60 * kKiB);
    }
    engine_.oom_handler.trim(engine_, 0);
    expect_consistent();
    more = kept;
    for (void* const block : fill(bytes, 60 * kKiB)) {
      memset(block, 1, 60 * kKiB);
      more.push_back(block);
    }
    EXPECT_EQ(engine_.get_counters().heap_count, 1U);
    expect_consistent();
  }
  empty(more, 60 * kKiB);
  empty(blocks, 60 * kKiB);
}

TEST_F(MapOnOomTest, GrowsUpToALimitAndNoFurther) {
  constexpr size_t kLimit = 100 * kMiB + 64 * kKiB;
  Ledger::set_limit(kLimit);
  std::vector<void*> blocks;
  while (void* const block = engine_.malloc(60 * kKiB, 8)) {
    blocks.push_back(block);
  }
  EXPECT_LE(mapped(), kLimit);
  EXPECT_GT(blocks.size() * 60 * kKiB, kLimit - kMiB);
  expect_consistent();
  const size_t calls = Kernel::system_calls();
  EXPECT_EQ(engine_.malloc(60 * kKiB, 8), nullptr);
  EXPECT_EQ(Kernel::system_calls(), calls);  // the kernel need not be asked
  empty(blocks, 60 * kKiB);
  engine_.oom_handler.trim(engine_, 0);
  expect_consistent();
}

TEST_F(MapOnOomTest, AHeapMayHaveHugePagesFromTheBeginning) {
  Ledger::set_huge_from(0);
  const size_t before = Kernel::advised_bytes();
  std::vector<void*> blocks = fill(kMiB, 60 * kKiB);
  if (Kernel::advised_bytes() == before) {
    empty(blocks, 60 * kKiB);
    GTEST_SKIP() << "the kernel has no huge pages";
  }
  EXPECT_EQ(Kernel::advised_bytes() - before, mapped());
  for (void* const block : fill(40 * kMiB, 60 * kKiB)) {
    blocks.push_back(block);
  }
  EXPECT_EQ(Kernel::advised_bytes() - before, mapped());
  EXPECT_EQ(engine_.get_counters().heap_count, 1U);
  expect_consistent();
  empty(blocks, 60 * kKiB);
  engine_.oom_handler.trim(engine_, 0);
  expect_consistent();
  blocks = fill(40 * kMiB, 60 * kKiB);
  EXPECT_EQ(engine_.get_counters().heap_count, 1U);
  empty(blocks, 60 * kKiB);
}

TEST_F(MapOnOomTest, AHeapMayHaveNoHugePagesAtAll) {
  Ledger::set_huge_from(~size_t{0});
  Kernel::advices_left = 1000;
  std::vector<void*> blocks = fill(2 * Handler::kHugeFrom, 60 * kKiB);
  EXPECT_EQ(Kernel::advices_left, 1000);
  empty(blocks, 60 * kKiB);
}

TEST_F(MapOnOomTest, WithoutHugePagesItGrowsAsWell) {
  Kernel::advices_left = 0;
  std::vector<void*> blocks = fill(3 * Handler::kHugeFrom, 60 * kKiB);
  EXPECT_LE(engine_.get_counters().heap_count, kMostHeaps);
  expect_consistent();
  empty(blocks, 60 * kKiB);
}

TEST_F(MapOnOomTest, SmallProgramsMapLittle) {
  ASSERT_NE(engine_.malloc(100, 8), nullptr);
  EXPECT_EQ(mapped(), Handler::kMinStep);
  expect_consistent();
}

TEST_F(MapOnOomTest, OneHeapGrowsInPlace) {
  engine_.malloc(1, 1);
  const size_t mappings = count_mappings();
  const size_t calls = Kernel::system_calls();
  std::vector<void*> blocks = fill(300 * kMiB, 100 * kKiB);
  EXPECT_LE(engine_.get_counters().heap_count, kMostHeaps);
  // The vector's own, at most.
  EXPECT_LE(count_mappings(), mappings + (kUnderSanitizer ? 20 : 2 * kMostHeaps));
  EXPECT_LE(Kernel::system_calls() - calls, kHasRoom ? 60U : 200U);
  EXPECT_LE(mapped(), 300 * kMiB + 300 * kMiB / 3);
  expect_consistent();
}

TEST_F(MapOnOomTest, ServesAnySizeAndAlignment) {
  for (const size_t size : {size_t{0}, size_t{1}, 64 * kKiB, 100 * kMiB}) {
    for (size_t align = 1; align <= 16 * kMiB; align *= 16) {
      void* const block = engine_.malloc(size, align);
      ASSERT_NE(block, nullptr);
      EXPECT_TRUE(is_aligned(block, align));
    }
  }
  expect_consistent();
}

TEST_F(MapOnOomTest, RefusesTheImpossible) {
  EXPECT_EQ(engine_.malloc(~size_t{0} / 2, 8), nullptr);
  EXPECT_EQ(engine_.malloc(~size_t{0} / 4, 4096), nullptr);
  EXPECT_EQ(engine_.malloc(8, ~size_t{0} / 2 + 1), nullptr);
  expect_consistent();
}

TEST_F(MapOnOomTest, AnObstacleMeansASecondHeap) {
  char* const first = static_cast<char*>(engine_.malloc(1000, 8));
  Span heap;
  engine_.for_each_heap([&](Span only) { heap = only; });
  ASSERT_TRUE(heap.contains(first));
  char* const obstacle = Kernel::map(heap.acme, Kernel::page_size());
  ASSERT_EQ(obstacle, heap.acme);
  std::vector<void*> blocks = fill(10 * kMiB, 100 * kKiB);
  EXPECT_GE(engine_.get_counters().heap_count, 2U);  // of 32 bits, the second may meet one, too
  expect_consistent();
  Kernel::unmap(Span::from_base_size(obstacle, Kernel::page_size()));
}

TEST_F(MapOnOomTest, RefusedStepsShrinkToWhatIsNeeded) {
  std::vector<void*> blocks = fill(64 * kMiB, 100 * kKiB);
  Kernel::largest = 64 * kKiB;
  const size_t before = mapped();
  std::vector<void*> more = fill(32 * kMiB, 1000);
  EXPECT_LE(mapped() - before, 33 * kMiB);
  EXPECT_EQ(engine_.malloc(50 * kMiB, 8), nullptr);
  expect_consistent();
}

TEST_F(MapOnOomTest, OutOfMemoryIsSoftAndTransient) {
  Kernel::maps_left = 0;
  EXPECT_EQ(engine_.malloc(1, 1), nullptr);
  Kernel::allow_all();
  ASSERT_NE(engine_.malloc(1, 1), nullptr);
  Kernel::maps_left = 0;
  Kernel::resizes_left = 0;
  EXPECT_EQ(engine_.malloc(kMiB, 1), nullptr);
  EXPECT_NE(engine_.malloc(1000, 1), nullptr);
  expect_consistent();
}

TEST_F(MapOnOomTest, ARegistryThatRefusesChangesNothing) {
  Ledger::limit_reservations(0);
  EXPECT_EQ(engine_.malloc(1, 1), nullptr);
  Ledger::limit_reservations(1);
  ASSERT_NE(engine_.malloc(1, 1), nullptr);
  EXPECT_EQ(engine_.malloc(kMiB, 1), nullptr);
  expect_consistent();
  EXPECT_EQ(mapped(), Handler::kMinStep);
}

TEST_F(MapOnOomTest, AFreeTopGoesBack) {
  std::vector<void*> blocks = fill(200 * kMiB, 50 * kKiB);
  empty(blocks, 50 * kKiB);
  EXPECT_LE(mapped(), 2 * Handler::kMinSlack + kMiB);
  expect_consistent();
}

TEST_F(MapOnOomTest, ComingAndGoingDoesNotStormTheKernel) {
  std::vector<void*> blocks = fill(20 * kMiB, 50 * kKiB);
  const size_t calls = Kernel::system_calls();
  for (int round = 0; round < 1000; ++round) {
    std::vector<void*> more = fill(5 * Handler::kMinSlack / 2, 64 * kKiB);
    empty(more, 64 * kKiB);
  }
  EXPECT_LE(Kernel::system_calls() - calls, 60U);
  expect_consistent();
}

TEST_F(MapOnOomTest, AnEmptyHeapIsUnmapped) {
  void* const first = engine_.malloc(1000, 8);
  Kernel::resizes_left = 0;  // so that each further block needs a heap of its own
  void* const second = engine_.malloc(4 * kMiB, 8);
  void* const third = engine_.malloc(4 * kMiB, 8);
  EXPECT_EQ(engine_.get_counters().heap_count, 3U);
  engine_.free(second, 4 * kMiB);
  EXPECT_EQ(engine_.get_counters().heap_count, 2U);
  expect_consistent();
  engine_.free(third, 4 * kMiB);
  engine_.free(first, 1000);
  EXPECT_LE(mapped(), 2 * Handler::kMinSlack + kMiB);
  expect_consistent();
}

TEST_F(MapOnOomTest, AFailedUnmapLosesNothing) {
  void* const first = engine_.malloc(1000, 8);
  Kernel::resizes_left = 0;
  void* const second = engine_.malloc(4 * kMiB, 8);
  void* const third = engine_.malloc(4 * kMiB, 8);
  Kernel::unmaps_left = 0;
  const size_t before = mapped();
  engine_.free(second, 4 * kMiB);
  engine_.free(third, 4 * kMiB);
  engine_.free(first, 1000);
  EXPECT_EQ(mapped(), before);
  expect_consistent();
  Kernel::maps_left = 0;
  EXPECT_NE(engine_.malloc(4 * kMiB, 8), nullptr);
  EXPECT_NE(engine_.malloc(4 * kMiB, 8), nullptr);
  expect_consistent();
}

class MapOnOomPurgeTest : public MapOnOomTest {
 protected:
  static constexpr size_t kBlock = 200 * kKiB;

  MapOnOomPurgeTest() : blocks_(fill(40 * kMiB, kBlock)) {
    for (void* block : blocks_) {
      memset(block, 1, kBlock);
    }
    for (size_t i = 0; i + 1 < blocks_.size(); i += 2) {
      engine_.free(blocks_[i], kBlock);
    }
  }
  ~MapOnOomPurgeTest() override {
    for (size_t i = 1; i < blocks_.size(); i += 2) {
      EXPECT_EQ(static_cast<char*>(blocks_[i])[100], 1);
    }
  }

  size_t resident() {
    size_t bytes = 0;
    engine_.for_each_heap([&](Span heap) { bytes += Kernel::resident_bytes(heap); });
    return bytes;
  }

  PurgePass purge(PurgePass::Takes takes) {
    PurgePass pass{.takes = takes, .number = ++passes_};
    engine_.oom_handler.begin_purge(engine_);
    engine_.oom_handler.purge(engine_, pass);
    expect_consistent();
    return pass;
  }

  std::vector<void*> blocks_;
  unsigned passes_ = 0;
};

TEST_F(MapOnOomPurgeTest, AllIsTakenAtOnce) {
  EXPECT_GE(resident(), 39 * kMiB);
  EXPECT_GE(purge(PurgePass::Takes::all).purged_bytes, 15 * kMiB);
  EXPECT_LE(resident(), 24 * kMiB);
  EXPECT_EQ(purge(PurgePass::Takes::nothing).dirty_bytes, 0U);
}

TEST_F(MapOnOomPurgeTest, CountingTakesNothing) {
  EXPECT_GE(purge(PurgePass::Takes::nothing).dirty_bytes, 15 * kMiB);
  EXPECT_GE(purge(PurgePass::Takes::nothing).dirty_bytes, 15 * kMiB);
  EXPECT_GE(resident(), 39 * kMiB);
}

TEST_F(MapOnOomPurgeTest, WhatIsIdleIsTakenByTheSecondPassAndOnlyOnce) {
  EXPECT_EQ(purge(PurgePass::Takes::idle).purged_bytes, 0U);
  EXPECT_GE(purge(PurgePass::Takes::idle).purged_bytes, 15 * kMiB);
  const PurgePass third = purge(PurgePass::Takes::idle);
  EXPECT_EQ(third.purged_bytes, 0U);
  EXPECT_EQ(third.dirty_bytes, 0U);
}

TEST_F(MapOnOomPurgeTest, WhatComesAndGoesStays) {
  for (int i = 0; i < 4; ++i) {
    purge(PurgePass::Takes::idle);  // of the top, which was not touched
    EXPECT_GE(resident(), 39 * kMiB) << i;
    for (size_t j = 0; j + 1 < blocks_.size(); j += 2) {
      blocks_[j] = engine_.malloc(kBlock, 8);
      memset(blocks_[j], 2, kBlock);
    }
    for (size_t j = 0; j + 1 < blocks_.size(); j += 2) {
      engine_.free(blocks_[j], kBlock);
    }
  }
}

// Each gap is looked at once, though the engine is at work between the parts.
TEST_F(MapOnOomPurgeTest, APassInPartsTakesTheRestInTheNextParts) {
  PurgePass pass{.takes = PurgePass::Takes::all, .number = 1};
  size_t steps = 0;
  unsigned parts = 0;
  engine_.oom_handler.begin_purge(engine_);
  do {
    ASSERT_LT(++parts, 1000U);
    pass.begin_part();
    pass.calls_left = 3;
    const size_t purged_bytes = pass.purged_bytes;
    engine_.oom_handler.purge(engine_, pass);
    steps += PurgePass::kPartSteps - pass.steps_left;
    EXPECT_LT(pass.purged_bytes - purged_bytes, 2 * PurgePass::kPartBytes);
    engine_.free(engine_.malloc(kBlock, 8), kBlock);
  } while (!pass.may_go_on());
  EXPECT_GE(parts, blocks_.size() / 2 / 3);
  EXPECT_LE(steps, blocks_.size() / 2 + 6);  // the largest one in several pieces
  EXPECT_GE(pass.purged_bytes, 15 * kMiB);
}

TEST_F(MapOnOomTest, TrimKeepsThePad) {
  std::vector<void*> blocks = fill(3 * kMiB, 50 * kKiB);
  empty(blocks, 50 * kKiB);
  engine_.oom_handler.trim(engine_, 600 * kKiB);
  EXPECT_GE(mapped(), 600 * kKiB);
  EXPECT_LE(mapped(), 800 * kKiB);
  engine_.oom_handler.trim(engine_, 0);
  EXPECT_LE(mapped(), 256 * kKiB);
  expect_consistent();
}

}  // namespace
}  // namespace talc
