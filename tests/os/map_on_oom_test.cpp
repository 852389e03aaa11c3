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
  static bool reserve(Span) {
    return reservations_left_ == 0 ? false : (reservations_left_ -= 1, true);
  }
  void add(Span heap) { *bytes_ += heap.size(); }
  void remove(Span heap) { *bytes_ -= heap.size(); }
  void put_back(Span heap) { add(heap); }
  static void limit_reservations(int count) { reservations_left_ = count; }

 private:
  static inline int reservations_left_ = -1;
  size_t* bytes_;
};

using Handler = MapOnOom<Kernel, Ledger>;
using Engine =
    Talc<Handler, Config{.fixed_bins = Handler::kFixedBins, .counters = true, .validate = false}>;
static_assert(TopFreeHandlerFor<Handler, Engine>);
static_assert(OomHandlerFor<MapOnOom<>, Talc<MapOnOom<>>>);

class MapOnOomTest : public testing::Test {
 protected:
  ~MapOnOomTest() override {
    Kernel::allow_all();
    Ledger::limit_reservations(-1);
    engine_.oom_handler.unmap_all(engine_);
  }

  // The engine, the registry and the handler agree on how much there is.
  void expect_consistent() {
    EXPECT_EQ(engine_.find_fault(), nullptr);
    EXPECT_EQ(engine_.get_counters().claimed_bytes, engine_.oom_handler.mapped_bytes());
    EXPECT_EQ(registered_bytes_, engine_.oom_handler.mapped_bytes());
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
  EXPECT_EQ(engine_.get_counters().heap_count, 2U);
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
    std::vector<void*> more = fill(8 * kMiB, 64 * kKiB);
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

TEST_F(MapOnOomTest, TrimGivesBackTopsHeapsAndGaps) {
  std::vector<void*> blocks = fill(40 * kMiB, 200 * kKiB);
  for (void* block : blocks) {
    memset(block, 1, 200 * kKiB);
  }
  for (size_t i = 0; i + 1 < blocks.size(); ++i) {
    if (i % 2 == 0) {
      engine_.free(blocks[i], 200 * kKiB);
    }
  }
  const auto resident = [&] {
    size_t bytes = 0;
    engine_.for_each_heap([&](Span heap) { bytes += Kernel::resident_bytes(heap); });
    return bytes;
  };
  EXPECT_GE(resident(), 39 * kMiB);
  EXPECT_TRUE(engine_.oom_handler.trim(engine_, 0));
  EXPECT_LE(resident(), 24 * kMiB);
  expect_consistent();
  for (size_t i = 1; i < blocks.size(); i += 2) {
    EXPECT_EQ(static_cast<char*>(blocks[i])[100], 1);
  }
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
