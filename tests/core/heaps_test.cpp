// Tests of core/heaps.hpp: heaps are claimed, the bins' table moves, an engine moves. What
// happens at the edges of a heap is in heap_edges_test.cpp.
#include <gtest/gtest.h>
#include <string.h>

#include <memory>
#include <type_traits>
#include <vector>

#include "core/block_model.hpp"
#include "core/test_memory.hpp"
#include "talc/core/talc.hpp"
#include "talc/oom/err_on_oom.hpp"

namespace talc {
namespace {

constexpr Config kCounting{.counters = true};
constexpr size_t kHeader = 3 * kWordSize;
constexpr size_t kMinGap = 3 * kWordSize;

using Engine = Talc<ErrOnOom, kCounting>;

static_assert(std::is_nothrow_move_constructible_v<Engine>);
static_assert(!std::is_copy_constructible_v<Engine> && !std::is_copy_assignable_v<Engine>);
static_assert(!std::is_move_assignable_v<Engine>, "it would lose the heaps it has");

alignas(size_t) char static_memory[4096];
constinit Engine constant_engine;

TEST(Claim, AnEngineIsAConstantUntilItClaims) {
  EXPECT_EQ(constant_engine.malloc(1, 1), nullptr);
  EXPECT_STREQ(constant_engine.find_fault(), nullptr);
  EXPECT_EQ(constant_engine.claim(Span::from_array(static_memory)),
            Span::from_array(static_memory));
  EXPECT_NE(constant_engine.malloc(1, 1), nullptr);
}

// Whether an engine can be made in memory of that size and serves one byte.
template <class TalcType>
bool serves_a_byte(size_t size, size_t skew) {
  const TestMemory memory(size, 64, skew);
  TalcType talc;
  const bool serves = talc.claim(memory.span()).is_sized() && talc.malloc(1, 1) != nullptr;
  EXPECT_STREQ(talc.find_fault(), nullptr);
  return serves;
}

TEST(Claim, TheSmallestUsableArenaIsSmall) {
  for (size_t skew = 0; skew < kWordSize; ++skew) {
    size_t size = 0;
    while (!serves_a_byte<Talc<ErrOnOom>>(size, skew)) {
      ++size;
    }
    EXPECT_LE(size, 512U);
    EXPECT_LE(size, 144 + 2 * kWordSize) << "more than it was";
    // Every larger one is usable, too.
    for (const size_t more : Sizes{1, 7, 8, 9, 50, 100, 1000, 1001, 5000, 20000, 100000}) {
      EXPECT_TRUE(serves_a_byte<Talc<ErrOnOom>>(size + more, skew)) << size + more;
    }
  }
}

// What claim and extend do, for memory whose shape is known.
template <class TalcType>
class AlignedHeap : public testing::Test {};
using AlignedHeapEngines = testing::Types<
    Engine,
    Talc<ErrOnOom,
         Config{.quick_lists = false, .counters = true, .compact = false, .small_code = true}>>;
TYPED_TEST_SUITE(AlignedHeap, AlignedHeapEngines);

TYPED_TEST(AlignedHeap, IsClaimedIfItIsLargeEnough) {
  const TestMemory memory(4096);
  for (size_t size = 0; size < 400; size += kWordSize) {
    const Span part = memory.part(0, size);
    TypeParam talc;
    TypeParam other;
    const bool is_heap = talc.claim_aligned(part);
    EXPECT_EQ(is_heap, other.claim(memory.part(2000, 2000 + size)).is_sized());
    EXPECT_EQ(talc.get_counters().claimed_bytes, is_heap ? size : 0);
    EXPECT_STREQ(talc.find_fault(), nullptr);
  }
}

TYPED_TEST(AlignedHeap, IsRaisedWithABlockOrAGapOnTop) {
  const TestMemory memory(64 << 10);
  for (const bool is_top_free : {false, true}) {
    for (size_t by = kMinGap; by < 200; by += kWordSize) {
      TypeParam talc;
      ASSERT_TRUE(talc.claim_aligned(memory.part(0, 8192)));
      // Blocks of all that there is.
      std::vector<Block> blocks;
      for (size_t size = 4096; size != 0; size /= 2) {
        while (void* const ptr = talc.malloc(size, 1)) {
          blocks.push_back({static_cast<char*>(ptr), {size}, 3});
          blocks.back().write_from(0);
        }
      }
      if (is_top_free) {
        talc.free(blocks.back().ptr, blocks.back().request.size);
        blocks.pop_back();
      }
      const Span heap = memory.part(0, 8192);
      const Span raised = memory.part(0, 8192 + by);
      talc.raise(heap, raised.acme);
      ASSERT_STREQ(talc.find_fault(), nullptr) << by;
      EXPECT_EQ(talc.get_counters().claimed_bytes, raised.size());
      talc.for_each_heap([&](Span now) { EXPECT_EQ(now, raised); });
      EXPECT_NE(talc.malloc(by - kTagSize, 1), nullptr);
      for (const Block& block : blocks) {
        EXPECT_TRUE(block.holds(block.request.size));
      }
    }
  }
}

TEST(Claim, ClaimedMemoryTooSmallIsNotTouched) {
  const TestMemory memory(4096);
  Engine talc;
  for (size_t size = 0; size < 12 * kWordSize; ++size) {
    TestMemory::revoke(memory.span());
    EXPECT_TRUE(talc.claim(memory.part(0, size)).is_empty());
    TestMemory::grant(memory.span());
  }
  EXPECT_EQ(talc.get_counters(), Counters{});
  // Heaps after the first need no table.
  ASSERT_TRUE(talc.claim(memory.part(0, 2048)).is_sized());
  const size_t least = kHeader + kMinGap;
  EXPECT_TRUE(talc.claim(memory.part(2048, 2048 + least - 1)).is_empty());
  EXPECT_EQ(talc.claim(memory.part(2048, 2048 + least)), memory.part(2048, 2048 + least));
  EXPECT_STREQ(talc.find_fault(), nullptr);
}

TEST(Claim, AlignsInwardToWords) {
  for (size_t low = 0; low <= kWordSize; ++low) {
    for (size_t high = 0; high <= kWordSize; ++high) {
      const TestMemory memory(1000, 64);
      const Span part = memory.part(low, 1000 - high);
      TestMemory::revoke(memory.span());
      TestMemory::grant(part);
      Engine talc;
      const Span heap = talc.claim(part);
      EXPECT_EQ(heap, part.word_align_inward());
      EXPECT_EQ(talc.get_counters().claimed_bytes, heap.size());
      EXPECT_NE(talc.malloc(500, 1), nullptr);
    }
  }
}

TEST(Claim, RefusesNullAndNothing) {
  Engine talc;
  EXPECT_TRUE(talc.claim(Span()).is_empty());
  char* const null = nullptr;
  // Null plus something is no pointer to C++; to clang's sanitizer neither.
  char* const acme = reinterpret_cast<char*>(size_t{100000});
  EXPECT_TRUE(talc.claim(Span(null, acme)).is_empty());
  const TestMemory memory(1000);
  EXPECT_TRUE(talc.claim(Span(memory.base() + 500, memory.base())).is_empty());
  EXPECT_EQ(talc.get_counters(), Counters{});
}

TEST(Claim, HeapsNeedNotBeNeighboursAndMayBe) {
  const TestMemory memory(64000);
  const Span parts[] = {memory.part(30000, 40000), memory.part(0, 10000), memory.part(40000, 41000),
                        memory.part(60000, 64000)};
  Engine talc;
  std::vector<Span> heaps;
  for (const Span part : parts) {
    heaps.insert(heaps.begin(), talc.claim(part));
    ASSERT_EQ(heaps.front(), part);
    ASSERT_STREQ(talc.find_fault(), nullptr);
  }
  std::vector<Span> listed;
  talc.for_each_heap([&](Span heap) { listed.push_back(heap); });
  EXPECT_EQ(listed, heaps) << "newest first";
  EXPECT_EQ(talc.get_counters().heap_count, 4U);
  EXPECT_EQ(talc.get_counters().claimed_bytes, 25000U);

  // All of them serve; none is left.
  size_t count_in[4] = {};
  while (const void* const block = talc.malloc(500, 8)) {
    for (size_t i = 0; i < 4; ++i) {
      count_in[i] += parts[i].contains(block) ? 1 : 0;
    }
  }
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_GE(count_in[i] + 3, parts[i].size() / 512) << i;
  }
  EXPECT_STREQ(talc.find_fault(), nullptr);
}

// ---- truncate ----

TEST(Truncate, TheFirstHeapKeepsTheTable) {
  const TestMemory memory(8192);
  Engine talc;
  const Span heap = talc.claim(memory.span());
  const Span table = talc.get_allocated_span(heap);
  EXPECT_EQ(table.base, heap.base + kHeader);
  EXPECT_LE(table.size(), heap.size() / 16);
  const Span left = talc.truncate(heap, Span());
  EXPECT_EQ(left, Span(heap.base, table.acme));
  TestMemory::revoke(Span(left.acme, heap.acme));
  EXPECT_EQ(talc.malloc(1, 1), nullptr);
  EXPECT_STREQ(talc.find_fault(), nullptr);
  EXPECT_EQ(talc.get_counters().available_bytes, 0U);
  // And from there on.
  TestMemory::grant(Span(left.acme, heap.acme));
  EXPECT_EQ(talc.extend(left, heap), heap);
  EXPECT_NE(talc.malloc(4000, 1), nullptr);
}

// ---- the bins' table ----

TEST(Table, MovesToALargerOneAndTheFirstHeapCanGo) {
  const TestMemory small(1024);
  const TestMemory large(1 << 20);
  Engine talc;
  const Span first = talc.claim(small.span());
  EXPECT_TRUE(talc.get_allocated_span(first).is_sized());
  void* const block = talc.malloc(100, 1);
  ASSERT_TRUE(first.contains(block));
  const Span second = talc.claim(large.span());
  EXPECT_TRUE(talc.get_allocated_span(second).is_sized()) << "the table is here";
  EXPECT_EQ(talc.get_allocated_span(first).size(), chunk_size_for(100));
  talc.free(block, 100);
  EXPECT_TRUE(talc.truncate(first, Span()).is_empty());
  TestMemory::revoke(small.span());
  EXPECT_STREQ(talc.find_fault(), nullptr);
  EXPECT_NE(talc.malloc(500000, 1), nullptr);
}

TEST(Table, GrowsAsTheHeapDoes) {
  const TestMemory memory(4 << 20);
  TestMemory::revoke(memory.span());
  TestMemory::grant(memory.part(0, 512));
  Engine talc;
  Span heap = talc.claim(memory.part(0, 512));
  std::vector<Block> blocks;
  while (heap != memory.span()) {
    // What it holds stays where it is.
    for (const size_t size : Sizes{10, 30, 100}) {
      if (void* const ptr = talc.malloc(size, 1)) {
        blocks.push_back({static_cast<char*>(ptr), {size}, 21});
        blocks.back().write_from(0);
      }
    }
    const Span to = heap.extend(0, heap.size() / 2 + 8).fit_within(memory.span());
    TestMemory::replace_grant(heap, to);
    heap = talc.extend(heap, to);
    ASSERT_EQ(heap, to.word_align_inward());
    ASSERT_STREQ(talc.find_fault(), nullptr);
  }
  for (const Block& block : blocks) {
    EXPECT_TRUE(block.holds(block.request.size));
    talc.free(block.ptr, block.request.size);
  }
  EXPECT_LE(talc.get_allocated_span(heap).size(), heap.size() / 4);
  EXPECT_GE(talc.get_counters().available_bytes, heap.size() - heap.size() / 16);
}

TEST(Table, StaysWhereItIsIfALargerOneDoesNotFit) {
  const TestMemory memory(16 << 10);
  Engine talc;
  Span heap = talc.claim(memory.part(0, 512));
  const Span table = talc.get_allocated_span(heap);
  const auto fill = [&] {
    while (talc.malloc(1, 1) != nullptr) {
    }
  };
  fill();
  while (heap != memory.span()) {
    heap = talc.extend(heap, heap.extend(0, 32));
    fill();
    ASSERT_STREQ(talc.find_fault(), nullptr);
  }
  // Then it fits again, and the old one's place is free.
  EXPECT_EQ(talc.get_counters().available_bytes, 0U);
  const TestMemory more(64 << 10);
  ASSERT_TRUE(talc.claim(more.span()).is_sized());
  talc.for_each_chunk(
      heap, [&](Span chunk, bool allocated) { EXPECT_EQ(allocated, chunk.base != table.base); });
}

// ---- moving an engine ----

TEST(Move, HandsOverHeapsAndBlocks) {
  const TestMemory memory(64 << 10);
  const TestMemory more(4096);
  auto first = std::make_unique<Engine>();
  const Span heap = first->claim(memory.span());
  Block block{static_cast<char*>(first->malloc(1000, 8)), {1000}, 77};
  block.write_from(0);
  first->free(first->malloc(100, 8), 100);
  const Counters counters = first->get_counters();

  Engine second(static_cast<Engine&&>(*first));
  EXPECT_EQ(second.get_counters(), counters);
  EXPECT_STREQ(second.find_fault(), nullptr);

  // The first one has nothing, and can begin again.
  EXPECT_STREQ(first->find_fault(), nullptr);
  EXPECT_EQ(first->get_counters(), Counters{});
  EXPECT_EQ(first->malloc(1, 1), nullptr);
  EXPECT_TRUE(first->claim(more.span()).is_sized());
  EXPECT_NE(first->malloc(1000, 1), nullptr);
  EXPECT_STREQ(first->find_fault(), nullptr);
  memset(static_cast<void*>(first.get()), 0xEE, sizeof(Engine));

  EXPECT_TRUE(block.holds(1000));
  void* const grown = second.grow(block.ptr, 1000, 20000, 8);
  ASSERT_NE(grown, nullptr);
  second.free(grown, 20000);
  EXPECT_EQ(second.get_counters().live_allocations, 0U);
  second.truncate(heap, Span());
  EXPECT_STREQ(second.find_fault(), nullptr);
}

}  // namespace
}  // namespace talc
