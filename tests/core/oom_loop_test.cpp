// Tests of the dialogue of the engine with its handler (core/blocks.hpp): memory runs out, the
// handler claims, extends, truncates or gives up; tops become free, and it takes them back; it
// loops.
#include <gtest/gtest.h>

#include <functional>
#include <utility>
#include <vector>

#include "core/test_memory.hpp"
#include "talc/core/talc.hpp"
#include "talc/oom/oom_handler.hpp"

namespace talc {
namespace {

// Does what the test says, once for each call, then gives up.
template <size_t kThreshold>
struct ScriptedHandler;
template <size_t kThreshold>
using ScriptedTalc = Talc<ScriptedHandler<kThreshold>, Config{.counters = true}>;

template <size_t kThreshold>
struct ScriptedHandler {
  static constexpr size_t kTopFreeThreshold = kThreshold;
  using TalcType = ScriptedTalc<kThreshold>;

  std::vector<std::function<bool(TalcType&)>> on_oom;
  std::function<void(TalcType&, Span, size_t)> on_top;
  size_t oom_calls = 0;
  size_t top_calls = 0;

  bool handle_oom(TalcType& talc, size_t, size_t) {
    EXPECT_STREQ(talc.find_fault(), nullptr);
    return oom_calls < on_oom.size() && on_oom[oom_calls++](talc);
  }
  void on_top_free(TalcType& talc, Span heap, size_t free_bytes) {
    top_calls += 1;
    EXPECT_STREQ(talc.find_fault(), nullptr);
    EXPECT_GE(free_bytes, kThreshold);
    if (on_top) {
      on_top(talc, heap, free_bytes);
    }
  }
};

using Engine = ScriptedTalc<1000>;
static_assert(TopFreeHandlerFor<ScriptedHandler<1000>, Engine>);

TEST(OomLoop, ClaimsThenExtendsThenGivesUp) {
  const TestMemory memory(64 << 10);
  Span heap;
  Engine talc;
  talc.oom_handler.on_oom = {
      [&](Engine& engine) { return (heap = engine.claim(memory.part(8192, 16384))).is_sized(); },
      [&](Engine& engine) {
        heap = engine.extend(heap, memory.part(4096, 20000));
        return true;
      },
      [&](Engine& engine) {
        heap = engine.extend(heap, memory.span());
        return true;
      },
      [](Engine&) { return false; },
  };
  EXPECT_NE(talc.malloc(100, 8), nullptr);
  EXPECT_EQ(talc.oom_handler.oom_calls, 1U);
  EXPECT_NE(talc.malloc(40000, 8), nullptr) << "two extensions for one request";
  EXPECT_EQ(talc.oom_handler.oom_calls, 3U);
  EXPECT_EQ(talc.malloc(40000, 8), nullptr);
  EXPECT_EQ(talc.oom_handler.oom_calls, 4U);
  EXPECT_EQ(talc.get_counters().live_allocations, 2U) << "a failure is no allocation";
  EXPECT_STREQ(talc.find_fault(), nullptr);
}

// Gives one heap back to make another one larger.
TEST(OomLoop, MayTruncateOneHeapForAnother) {
  const TestMemory table_memory(64 << 10);
  const TestMemory memory(64 << 10);
  Engine talc;
  talc.claim(table_memory.span());
  ASSERT_NE(talc.malloc(48 << 10, 8), nullptr);
  Span upper = talc.claim(memory.part(32768, 65536));
  Span lower = talc.claim(memory.part(0, 32768));
  talc.oom_handler.on_oom = {[&](Engine& engine) {
    upper = engine.truncate(upper, Span());
    EXPECT_TRUE(upper.is_empty());
    lower = engine.extend(lower, memory.span());
    return true;
  }};
  char* const block = static_cast<char*>(talc.malloc(50000, 64));
  EXPECT_TRUE(lower.contains(block));
  EXPECT_EQ(talc.get_counters().heap_count, 2U);
  EXPECT_EQ(talc.get_counters().claimed_bytes, table_memory.size() + memory.size());
  EXPECT_STREQ(talc.find_fault(), nullptr);
}

TEST(OomLoop, GrowAsksToo) {
  const TestMemory memory(64 << 10);
  Engine talc;
  talc.claim(memory.part(0, 8192));
  void* const block = talc.malloc(3000, 8);
  talc.malloc(10, 8);
  EXPECT_EQ(talc.grow(block, 3000, 20000, 8), nullptr);
  EXPECT_EQ(talc.realloc(block, 3000, 20000, 8), nullptr);
  talc.oom_handler.on_oom = {
      [&](Engine& engine) { return engine.claim(memory.part(8192, 65536)).is_sized(); }};
  EXPECT_NE(talc.realloc(block, 3000, 20000, 8), nullptr);
}

TEST(OomLoop, ImpossibleRequestsAreNotTheHandlersBusiness) {
  Engine talc;
  talc.oom_handler.on_oom = {[](Engine&) {
    ADD_FAILURE();
    return false;
  }};
  EXPECT_EQ(talc.malloc(~size_t{0}, 8), nullptr);
  EXPECT_EQ(talc.malloc(kMaxRequest + 1, 8), nullptr);
  EXPECT_EQ(talc.malloc(8, ~(~size_t{0} / 2)), nullptr);
}

// ---- tops ----

// An engine with its table elsewhere, and a heap with a block at its bottom and one above.
class TopFree : public testing::Test {
 protected:
  static constexpr size_t kSize = 2000;
  static constexpr size_t kSmall = 100;

  TopFree() : table_memory_(64 << 10), memory_(8192) {
    talc_.claim(table_memory_.span());
    // Whatever else is asked for comes from the second heap.
    Span used = talc_.get_allocated_span(table_memory_.span());
    EXPECT_NE(
        talc_.malloc(static_cast<size_t>(table_memory_.span().acme - used.acme) - kTagSize, 1),
        nullptr);
    heap_ = talc_.claim(memory_.span());
  }

  char* malloc(size_t size) { return static_cast<char*>(talc_.malloc(size, 1)); }

  // Gives the top back but for `keep` bytes.
  void truncate_when_told(size_t keep) {
    talc_.oom_handler.on_top = [this, keep](Engine& engine, Span heap, size_t free_bytes) {
      EXPECT_EQ(heap, heap_);
      EXPECT_EQ(free_bytes, static_cast<size_t>(heap.acme - allocated_acme(engine)));
      heap_ = engine.truncate(heap, heap.truncate(0, free_bytes - keep));
      TestMemory::replace_grant(heap, heap_);
    };
  }

  char* allocated_acme(Engine& engine) {
    const Span used = engine.get_allocated_span(heap_);
    return used.is_empty() ? heap_.base + 3 * kWordSize : used.acme;
  }

  TestMemory table_memory_;
  TestMemory memory_;
  Engine talc_;
  Span heap_;
};

TEST_F(TopFree, IsToldByFreeOnceItIsLargeEnough) {
  char* const low = malloc(kSize);
  char* const high = malloc(kSize);
  char* const rest = malloc(heap_.size() - 3 * kWordSize - 2 * chunk_size_for(kSize) - kTagSize);
  ASSERT_TRUE(low < high && high < rest);
  talc_.free(low, kSize);
  EXPECT_EQ(talc_.oom_handler.top_calls, 0U) << "not the top";
  truncate_when_told(500);
  talc_.free(rest, heap_.size() - 3 * kWordSize - 2 * chunk_size_for(kSize) - kTagSize);
  EXPECT_EQ(talc_.oom_handler.top_calls, 1U);
  EXPECT_LT(heap_.acme, high + kSize + 600);
  EXPECT_STREQ(talc_.find_fault(), nullptr);
  // Merging with what is below, the top is all of the heap.
  talc_.free(high, kSize);
  EXPECT_EQ(talc_.oom_handler.top_calls, 2U);
  EXPECT_LT(heap_.size(), 600U);
  EXPECT_STREQ(talc_.find_fault(), nullptr);
}

TEST_F(TopFree, IsToldByShrinkAndByReallocOfABlockAtTheTop) {
  const size_t whole = heap_.size() - 3 * kWordSize - kTagSize;
  char* const block = malloc(whole);
  talc_.shrink(block, whole, whole - 500);
  EXPECT_EQ(talc_.oom_handler.top_calls, 0U);
  truncate_when_told(0);
  talc_.shrink(block, whole - 500, 3000);
  EXPECT_EQ(talc_.oom_handler.top_calls, 1U);
  EXPECT_EQ(heap_.acme, block + chunk_size_for(3000));
  EXPECT_EQ(talc_.realloc(block, 3000, 1500, 8), block);
  EXPECT_EQ(talc_.oom_handler.top_calls, 2U);
  EXPECT_STREQ(talc_.find_fault(), nullptr);
}

TEST_F(TopFree, TheHeapMayGoInsideTheCall) {
  char* const block = malloc(3000);
  talc_.oom_handler.on_top = [this](Engine& engine, Span heap, size_t) {
    EXPECT_TRUE(engine.truncate(heap, Span()).is_empty());
    TestMemory::revoke(heap);
    heap_ = Span();
  };
  talc_.free(block, 3000);
  EXPECT_TRUE(heap_.is_empty());
  EXPECT_EQ(talc_.get_counters().heap_count, 1U);
  EXPECT_STREQ(talc_.find_fault(), nullptr);
  EXPECT_EQ(talc_.malloc(3000, 8), nullptr);
}

// Small chunks wait before they are merged; sooner or later the handler hears of them.
TEST_F(TopFree, IsToldWhenWhatWaitedIsMerged) {
  std::vector<char*> blocks;
  while (char* const block = malloc(kSmall)) {
    if (heap_.contains(block)) {
      blocks.push_back(block);
    }
  }
  truncate_when_told(0);
  for (char* const block : blocks) {
    talc_.free(block, kSmall);
  }
  // Enough traffic to fill the quick lists, elsewhere.
  const TestMemory elsewhere(128 << 10);
  talc_.claim(elsewhere.span());
  std::vector<char*> others;
  const size_t count = 2 * QuickLists<>::kMaxCount;
  for (size_t i = 0; i < count; ++i) {
    others.push_back(malloc(kSmall + 8));
  }
  talc_.oom_handler.on_top = [this, old = talc_.oom_handler.on_top](Engine& engine, Span heap,
                                                                    size_t free_bytes) {
    if (heap == heap_) {
      old(engine, heap, free_bytes);
    }
  };
  for (char* const block : others) {
    talc_.free(block, kSmall + 8);
  }
  EXPECT_GE(talc_.oom_handler.top_calls, 1U);
  EXPECT_TRUE(heap_.is_empty());
  EXPECT_STREQ(talc_.find_fault(), nullptr);
}

// Whoever changes a heap, or asks about it, must not find it changed meanwhile.
TEST_F(TopFree, IsNotToldByOperationsOnHeaps) {
  std::vector<char*> blocks;
  while (char* const block = malloc(kSmall)) {
    blocks.push_back(block);
  }
  const auto free_all = [&] {
    for (char* const block : blocks) {
      talc_.free(block, kSmall);
    }
    talc_.oom_handler.top_calls = 0;
  };
  free_all();
  EXPECT_EQ(talc_.get_allocated_span(heap_), Span());
  heap_ = talc_.truncate(heap_, heap_.truncate(0, 100));
  heap_ = talc_.extend(heap_, memory_.span());
  const TestMemory large(1 << 20);
  talc_.claim(large.span());
  EXPECT_EQ(talc_.oom_handler.top_calls, 0U);
  EXPECT_STREQ(talc_.find_fault(), nullptr);
}

struct Deaf {
  template <class TalcType>
  bool handle_oom(TalcType&, size_t, size_t) {
    return false;
  }
  template <class TalcType>
  void on_top_free(TalcType&, Span, size_t) {
    ADD_FAILURE();
  }
};

TEST(OomLoop, HandlersWithoutAThresholdAreNotToldOfTops) {
  const TestMemory memory(8192);
  Talc<Deaf> talc;
  talc.claim(memory.span());
  talc.free(talc.malloc(5000, 8), 5000);
}

// ---- loops ----

struct SaysYes {
  template <class TalcType>
  bool handle_oom(TalcType&, size_t, size_t) {
    return true;
  }
};

TEST(OomLoopDeathTest, DebugBuildsStopAHandlerThatAddsNothing) {
  if (!kAssertions) {
    GTEST_SKIP() << "needs TALC_DEBUG";
  }
  const TestMemory memory(4096);
  Talc<SaysYes> talc;
  EXPECT_DEATH(talc.malloc(1, 1), "") << "without a heap";
  talc.claim(memory.span());
  EXPECT_NE(talc.malloc(1, 1), nullptr);
  EXPECT_DEATH(talc.malloc(5000, 1), "");
}

// Takes back what it has given.
struct GoesInCircles {
  Span memory;
  Span heap;
  template <class TalcType>
  bool handle_oom(TalcType& talc, size_t, size_t) {
    heap = heap.is_empty() ? talc.claim(memory) : talc.truncate(heap, Span());
    return true;
  }
};

TEST(OomLoopDeathTest, DebugBuildsStopAHandlerThatGoesInCircles) {
  if (!kAssertions) {
    GTEST_SKIP() << "needs TALC_DEBUG";
  }
  const TestMemory first(4096);
  const TestMemory second(4096);
  Talc<GoesInCircles> talc{GoesInCircles{second.span(), Span()}};
  talc.claim(first.span());
  EXPECT_DEATH(talc.malloc(100000, 1), "");
}

struct Creeps {
  Span heap;
  Span all;
  template <class TalcType>
  bool handle_oom(TalcType& talc, size_t, size_t) {
    const Span before = heap;
    heap = heap.is_empty() ? talc.claim(Span(all.base, all.base + 256))
                           : talc.extend(heap, heap.extend(0, 24).fit_within(all));
    return heap.size() > before.size();
  }
};

// Small steps are slow, but no loop.
TEST(OomLoop, ManySmallStepsAreAllowed) {
  const TestMemory memory(8192);
  Talc<Creeps> talc{Creeps{Span(), memory.span()}};
  EXPECT_NE(talc.malloc(7000, 8), nullptr);
  EXPECT_EQ(talc.malloc(7000, 8), nullptr);
  EXPECT_EQ(talc.oom_handler.heap, memory.span());
}

}  // namespace
}  // namespace talc
