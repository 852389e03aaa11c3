// Tests of oom/oom_handler.hpp: what the concepts accept, and the dialogue of Talc with a handler.
#include "talc/oom/oom_handler.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>

#include <vector>

#include "talc/core/talc.hpp"
#include "talc/oom/err_on_oom.hpp"
#include "talc/os/map_on_oom.hpp"
#include "talc/os/print_assertion.hpp"

namespace talc {
namespace {

struct AnswersVoid {
  template <class TalcType>
  void handle_oom(TalcType&, size_t, size_t) {}
};
struct TakesNoAlign {
  template <class TalcType>
  bool handle_oom(TalcType&, size_t) {
    return false;
  }
};
struct HearsOfTops : ErrOnOom {
  static constexpr size_t kTopFreeThreshold = 1;
  template <class TalcType>
  void on_top_free(TalcType&, Span, size_t) {}
};
struct LacksThreshold : ErrOnOom {
  template <class TalcType>
  void on_top_free(TalcType&, Span, size_t) {}
};

using Engine = Talc<ErrOnOom>;
static_assert(OomHandlerFor<ErrOnOom, Engine> && OomHandlerFor<HearsOfTops, Engine>);
static_assert(!OomHandlerFor<AnswersVoid, Engine>);
static_assert(!OomHandlerFor<TakesNoAlign, Engine>);
static_assert(!OomHandlerFor<int, Engine>);
static_assert(TopFreeHandlerFor<MapOnOom<>, Talc<MapOnOom<>>>);
static_assert(TopFreeHandlerFor<HearsOfTops, Engine> && !TopFreeHandlerFor<LacksThreshold, Engine>);

struct Request {
  size_t size;
  size_t align;
  bool operator==(const Request&) const = default;
};

// Hands out one spare piece of memory per call and records what it was asked.
struct SpareHandler {
  std::vector<Span> spares;
  std::vector<Request> requests;

  template <class TalcType>
  bool handle_oom(TalcType& talc, size_t size, size_t align) {
    EXPECT_EQ(&talc.oom_handler, this);
    requests.push_back({size, align});
    if (spares.empty()) {
      return false;
    }
    const Span spare = spares.back();
    spares.pop_back();
    return talc.claim(spare).is_sized();
  }
};

TEST(OomHandler, IsAskedUntilTheRequestFitsOrItGivesUp) {
  alignas(size_t) char small[1000];
  alignas(size_t) char large[8000];
  Talc<SpareHandler> talc;
  talc.oom_handler.spares = {Span::from_array(large), Span::from_array(small)};

  EXPECT_NE(talc.malloc(5000, 16), nullptr);
  EXPECT_EQ(talc.oom_handler.requests, (std::vector<Request>{{5000, 16}, {5000, 16}}));
  EXPECT_EQ(talc.malloc(5000, 8), nullptr);
  EXPECT_EQ(talc.oom_handler.requests.size(), 3U);
  EXPECT_NE(talc.malloc(500, 8), nullptr) << "failing did no harm";
  EXPECT_EQ(talc.oom_handler.requests.size(), 3U);
  EXPECT_EQ(talc.find_fault(), nullptr);
}

TEST(OomHandler, IsAskedWhenGrowingMovesABlock) {
  alignas(size_t) char small[1000];
  alignas(size_t) char large[8000];
  Talc<SpareHandler> talc;
  talc.claim(Span::from_array(small));
  char* const block = static_cast<char*>(talc.malloc(100, 8));
  ASSERT_NE(block, nullptr);
  __builtin_memset(block, 'x', 100);

  EXPECT_EQ(talc.grow(block, 100, 4000, 8), nullptr);
  EXPECT_EQ(block[99], 'x');
  talc.oom_handler.spares = {Span::from_array(large)};
  const char* const grown = static_cast<const char*>(talc.grow(block, 100, 4000, 8));
  ASSERT_NE(grown, nullptr);
  EXPECT_TRUE(Span::from_array(large).contains(grown));
  EXPECT_EQ(grown[0], 'x');
  EXPECT_EQ(grown[99], 'x');
}

// Frees, a few a call, blocks that its owner can spare.
struct CacheHandler {
  static constexpr size_t kCachedBytes = 24;
  static constexpr size_t kBlocksPerCall = 10;
  std::vector<void*> cached;

  template <class TalcType>
  bool handle_oom(TalcType& talc, size_t, size_t) {
    if (cached.size() < kBlocksPerCall) {
      return false;
    }
    for (size_t i = 0; i < kBlocksPerCall; ++i) {
      talc.free(cached.back(), kCachedBytes);
      cached.pop_back();
    }
    return true;
  }
};

TEST(OomHandler, MayFreeWhatItsOwnerCanSpare) {
  alignas(size_t) char memory[8000];
  Talc<CacheHandler> talc;
  talc.claim(Span::from_array(memory));
  std::vector<void*> blocks;
  while (void* const block = talc.malloc(CacheHandler::kCachedBytes, 8)) {
    blocks.push_back(block);
  }
  talc.oom_handler.cached = blocks;
  constexpr size_t kRequest = 4000;
  EXPECT_NE(talc.malloc(kRequest, 8), nullptr);
  const size_t freed_blocks = blocks.size() - talc.oom_handler.cached.size();
  const size_t chunk_bytes = CacheHandler::kCachedBytes + sizeof(size_t);
  EXPECT_LE((freed_blocks - CacheHandler::kBlocksPerCall) * chunk_bytes, kRequest)
      << "it is asked no more often than needed";
  EXPECT_EQ(talc.find_fault(), nullptr);
}

#ifdef TALC_DEBUG
// The mistake that oom_handler.hpp warns of: true, and no memory.
struct PromisingHandler {
  int promises = 0;

  template <class TalcType>
  bool handle_oom(TalcType&, size_t, size_t) {
    if (++promises == 100000) {
      _Exit(0);  // Where nobody stops it, the test fails instead of hanging.
    }
    return true;
  }
};

TEST(OomHandlerDeathTest, TrueWithoutNewMemoryIsCaught) {
  EXPECT_EXIT(
      {
        assertion_hook = print_assertion;
        Talc<PromisingHandler> talc;
        static_cast<void>(talc.malloc(1, 1));
      },
      testing::KilledBySignal(SIGABRT), "assertion failed: .*the OOM handler loops");
}
#endif

// Gives heaps back: trims them, or drops them when nothing is allocated.
struct TrimHandler {
  static constexpr size_t kTopFreeThreshold = 1024;
  std::vector<size_t> heard;
  Span heap;

  template <class TalcType>
  bool handle_oom(TalcType&, size_t, size_t) {
    return false;
  }
  template <class TalcType>
  void on_top_free(TalcType& talc, Span told, size_t free_bytes) {
    EXPECT_EQ(told, heap);
    EXPECT_EQ(talc.get_allocated_span(told).acme + free_bytes, told.acme);
    heard.push_back(free_bytes);
    heap = talc.truncate(told, Span());
  }
};

TEST(OomHandler, MayShrinkAHeapWhoseTopIsFree) {
  alignas(size_t) char memory[16384];
  Talc<TrimHandler, Config{.counters = true}> talc;
  talc.oom_handler.heap = talc.claim(Span::from_array(memory));
  void* const low = talc.malloc(2000, 8);
  void* const high = talc.malloc(8000, 8);
  ASSERT_TRUE(low != nullptr && high != nullptr);
  const size_t claimed = talc.get_counters().claimed_bytes;
  EXPECT_TRUE(talc.oom_handler.heard.empty());

  talc.shrink(high, 8000, 6000);
  EXPECT_EQ(talc.oom_handler.heard.size(), 1U);
  EXPECT_LT(talc.get_counters().claimed_bytes, claimed - 5000);
  EXPECT_EQ(talc.find_fault(), nullptr);

  talc.free(high, 6000);
  EXPECT_EQ(talc.oom_handler.heard.size(), 2U);
  EXPECT_LT(talc.oom_handler.heap.size(), 4000U);
  EXPECT_TRUE(talc.oom_handler.heap.contains(low));
  EXPECT_EQ(talc.find_fault(), nullptr);
}

// What a shrink cuts off waits to be merged, and lies between the block and the gap at the top.
TEST(OomHandler, IsToldOfATopThatAWaitingChunkHid) {
  alignas(size_t) static char memory[65536];
  Talc<TrimHandler> talc;
  talc.oom_handler.heap = talc.claim(Span::from_array(memory));
  void* const low = talc.malloc(2000, 8);
  void* const high = talc.malloc(8000, 8);
  talc.shrink(high, 8000, 7500);
  EXPECT_TRUE(talc.oom_handler.heard.empty());
  talc.free(high, 7500);
  EXPECT_EQ(talc.oom_handler.heard.size(), 1U);
  EXPECT_LT(talc.oom_handler.heap.size(), 8000U);
  EXPECT_TRUE(talc.oom_handler.heap.contains(low));
  EXPECT_EQ(talc.find_fault(), nullptr);
}

TEST(OomHandler, IsNotToldOfSmallTops) {
  alignas(size_t) char memory[2048];
  Talc<TrimHandler> talc;
  talc.oom_handler.heap = talc.claim(Span::from_array(memory));
  void* const low = talc.malloc(1000, 8);
  void* const high = talc.malloc(200, 8);
  talc.free(high, 200);
  EXPECT_TRUE(talc.oom_handler.heard.empty());
  talc.free(low, 1000);
  EXPECT_EQ(talc.oom_handler.heard.size(), 1U);
}

}  // namespace
}  // namespace talc
