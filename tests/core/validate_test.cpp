// Tests of core/validate.hpp: each sentence of find_fault is provoked by a corruption of its own,
// and walks over heaps and chunks show what is there.
#include <gtest/gtest.h>
#include <string.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "core/test_memory.hpp"
#include "talc/core/talc.hpp"
#include "talc/oom/err_on_oom.hpp"

namespace talc {
namespace {

constexpr size_t kHeaderTag = 2 * kWordSize;
constexpr size_t kHeader = 3 * kWordSize;

// Entry checks would stop at what these tests break.
using Engine = Talc<ErrOnOom, Config{.counters = true, .validate = false}>;
using TheBins = Bins<Config{}.bins_per_doubling_log2>;

// A heap of  header | table | low | gap | middle | gap | high | top gap  with a large table, so
// that small chunks also wait in quick lists.
class FindFault : public testing::Test {
 protected:
  static constexpr size_t kSize = 2000;  // too large to wait in a quick list
  static constexpr size_t kSmall = 40;

  FindFault() : memory_(256 << 10) {
    heap_ = talc_.claim(memory_.span());
    for (char*& block : blocks_) {
      block = malloc(kSize);
    }
    for (char*& block : small_) {
      block = malloc(kSmall);
    }
    talc_.free(blocks_[1], kSize);
    talc_.free(blocks_[3], kSize);
  }

  void SetUp() override {
    ASSERT_STREQ(talc_.find_fault(), nullptr);
    ASSERT_EQ(blocks_[4], blocks_[0] + 4 * chunk_size_for(kSize));
  }

  char* malloc(size_t size) { return static_cast<char*>(talc_.malloc(size, 1)); }
  AliasWord& tag_above(char* block) { return word_at(tag_of(block, kSize)); }
  Gap* gap() { return gap_at(blocks_[1]); }
  Gap* other_gap() { return gap_at(blocks_[3]); }

  // Where the engine keeps its counters, found by what they say.
  Counters& counters_inside() {
    const Counters counters = talc_.get_counters();
    char* at = reinterpret_cast<char*>(&talc_);
    while (memcmp(at, &counters, sizeof counters) != 0) {
      at += kWordSize;
      EXPECT_LE(at + sizeof counters, reinterpret_cast<char*>(&talc_ + 1));
    }
    return *reinterpret_cast<Counters*>(at);
  }

  TestMemory memory_;
  Engine talc_;
  Span heap_;
  char* blocks_[5];
  char* small_[4];
};

TEST_F(FindFault, NothingIsWrongWithoutHeaps) {
  const Engine talc;
  EXPECT_STREQ(talc.find_fault(), nullptr);
  talc.for_each_heap([](Span) { ADD_FAILURE(); });
}

TEST_F(FindFault, NothingIsWrongIfABlockIsWrittenToItsEnd) {
  memset(blocks_[0], 0xFF, kSize);
  memset(small_[0], 0xFF, kSmall);
  EXPECT_STREQ(talc_.find_fault(), nullptr);
}

TEST_F(FindFault, OverwrittenHeader) {
  word_at(heap_.base + kHeaderTag) += kHeader;
  EXPECT_STREQ(talc_.find_fault(), "a heap's header is overwritten");
  word_at(heap_.base + kHeaderTag) = 0;
  EXPECT_STREQ(talc_.find_fault(), "a heap's header is overwritten");
}

TEST_F(FindFault, HeaderThatMistakesTheFirstChunk) {
  word_at(heap_.base + kHeaderTag) |= tag::kGapAbove;
  EXPECT_STREQ(talc_.find_fault(), "a heap's header is wrong about its first chunk");
}

TEST_F(FindFault, TagThatPointsElsewhere) {
  AliasWord& tag_word = tag_above(blocks_[2]);
  const size_t right = tag_word;
  for (char* const base :
       {heap_.base, heap_.base - 64, heap_.acme, blocks_[4], blocks_[2] + kSize}) {
    tag_word = tag::make(base, right & tag::kFlags);
    EXPECT_STREQ(talc_.find_fault(), "a chunk's tag or size leads out of its heap");
  }
  tag_word = right;
  EXPECT_STREQ(talc_.find_fault(), nullptr);
}

// What an overflow of a block by one word does.
TEST_F(FindFault, TagOverwritten) {
  AliasWord& tag_word = tag_above(blocks_[2]);
  for (const size_t word : Sizes{size_t{0}, ~size_t{0}, ~size_t{0} / 255 * 0x41, size_t{64}}) {
    tag_word = word;
    EXPECT_NE(talc_.find_fault(), nullptr) << word;
  }
}

TEST_F(FindFault, SizeOfAGapThatLeadsElsewhere) {
  AliasWord& size_word = word_at(gap()->acme() - kWordSize);
  for (const size_t size :
       Sizes{size_t{0}, kWordSize, size_t{1} << (kWordBits - 2), ~size_t{0} & ~size_t{7}}) {
    size_word = size;
    EXPECT_STREQ(talc_.find_fault(), "a chunk's tag or size leads out of its heap") << size;
  }
}

TEST_F(FindFault, FlagsThatMistakeTheChunkAbove) {
  tag_above(blocks_[0]) &= ~tag::kGapAbove;
  EXPECT_STREQ(talc_.find_fault(), "a tag is wrong about the gap above it");
  tag_above(blocks_[0]) |= tag::kGapAbove;
  word_at(blocks_[1] + chunk_size_for(kSize) + chunk_size_for(kSize) - kTagSize) &= ~tag::kGapAbove;
  EXPECT_STREQ(talc_.find_fault(), "a tag is wrong about the gap above it");
}

TEST_F(FindFault, GapsSideBySide) {
  // The block between them becomes a gap, without merging.
  set_gap_size(blocks_[2], chunk_size_for(kSize));
  gap_at(blocks_[2])->next = gap()->next;
  EXPECT_STREQ(talc_.find_fault(), "two gaps touch");
}

TEST_F(FindFault, GapWithTwoSizes) {
  gap()->size += kWordSize;
  EXPECT_STREQ(talc_.find_fault(), "a gap's two sizes differ");
}

TEST_F(FindFault, GapThatNobodyPointsTo) {
  Gap* stranger = other_gap();
  Gap** const right = gap()->link;
  gap()->link = &stranger;
  EXPECT_STREQ(talc_.find_fault(), "a gap is not linked into a bin");
  gap()->link = right;
  EXPECT_STREQ(talc_.find_fault(), nullptr);
}

// The two gaps are alike, so one is the next of the other.
TEST_F(FindFault, GapWhoseNextPointsElsewhere) {
  Gap* const first = gap()->next == other_gap() ? gap() : other_gap();
  Gap* const second = first->next;
  ASSERT_TRUE(second == gap() || second == other_gap());
  Gap* self = second;
  second->link = &self;
  EXPECT_STREQ(talc_.find_fault(), "a gap is not linked into a bin");
}

// The table is the lowest chunk; its bits stand at its base, lowest bin last.
TEST_F(FindFault, BitsOfTheBins) {
  Span table;
  talc_.for_each_chunk(heap_, [&](Span chunk, bool) { table = chunk; });
  ASSERT_EQ(table.base, heap_.base + kHeader);
  word_at(table.base) ^= 1;
  EXPECT_STREQ(talc_.find_fault(), "a bin's bit is wrong");
}

TEST_F(FindFault, GapInTheWrongBin) {
  // The top gap, which is alone in its bin, leaves it for the list of the smaller ones.
  Gap* top = nullptr;
  talc_.for_each_chunk(heap_, [&](Span chunk, bool allocated) {
    top = !allocated && top == nullptr ? gap_at(chunk.base) : top;
  });
  Gap* const end = top->next;
  Gap* const first = gap()->next == other_gap() ? gap() : other_gap();
  ASSERT_NE(TheBins::ideal_index(top->size), TheBins::ideal_index(first->size));
  *top->link = end;
  top->next = first->next;
  top->next->link = &top->next;
  first->next = top;
  top->link = &first->next;
  EXPECT_STREQ(talc_.find_fault(), "a gap is in the wrong bin");
}

TEST_F(FindFault, ListThatHoldsWhatIsNoGap) {
  alignas(size_t) char stranger[4096];
  Gap* const last = gap()->next == other_gap() ? other_gap() : gap();
  Gap* const fake = gap_at(stranger);
  fake->next = last->next;
  fake->link = &last->next;
  fake->size = last->size;
  last->next = fake;
  EXPECT_STREQ(talc_.find_fault(), "the bins hold more gaps than the heaps");
}

TEST_F(FindFault, GapThatNoBinHolds) {
  // Both gaps point to one another, and their bin to the end of the list.
  Gap* const first = gap()->next == other_gap() ? gap() : other_gap();
  Gap* const last = first->next;
  Gap* keeper = last;
  first->next = last->next;
  last->link = &keeper;
  EXPECT_STREQ(talc_.find_fault(), "the bins miss a gap, or their summary is wrong");
}

TEST_F(FindFault, WaitingChunkThatLostItsTag) {
  talc_.free(small_[1], kSmall);
  ASSERT_STREQ(talc_.find_fault(), nullptr);
  // A chunk in itself sound: the whole would be found by the walk.
  char* const tag_at = small_[1] + chunk_size_for(kSmall) - kTagSize;
  char* const low_acme = small_[1] - kTagSize;
  const size_t low_tag = word_at(low_acme);
  word_at(tag_at) = tag::make(tag::base(low_tag), word_at(tag_at) & tag::kGapAbove);
  EXPECT_STREQ(talc_.find_fault(), "a chunk in a quick list has lost its tag");
}

TEST_F(FindFault, WaitingChunkThatItsListHasLost) {
  talc_.free(small_[0], kSmall);
  talc_.free(small_[2], kSmall);
  ASSERT_STREQ(talc_.find_fault(), nullptr);
  store_pointer(small_[2], nullptr);  // what a write after free does
  EXPECT_STREQ(talc_.find_fault(), "the quick lists miss a chunk");
}

TEST_F(FindFault, HeapThatTheListHasLost) {
  TestMemory more(4096);
  const Span second = talc_.claim(more.span());
  ASSERT_STREQ(talc_.find_fault(), nullptr);
  word_at(second.base) = 0;  // its header's link to the first heap
  EXPECT_STREQ(talc_.find_fault(), "what is claimed is not what the heaps hold");
}

TEST_F(FindFault, CountersOfHeaps) {
  Counters& counters = counters_inside();
  counters.heap_count += 1;
  EXPECT_STREQ(talc_.find_fault(), "the counters are wrong about the heaps");
  counters.heap_count -= 1;
  counters.claimed_bytes -= kWordSize;
  EXPECT_STREQ(talc_.find_fault(), "the counters are wrong about the heaps");
}

TEST_F(FindFault, CountersOfGaps) {
  Counters& counters = counters_inside();
  counters.gap_count += 1;
  EXPECT_STREQ(talc_.find_fault(), "the counters are wrong about the gaps");
  counters.gap_count -= 1;
  counters.available_bytes -= kWordSize;
  EXPECT_STREQ(talc_.find_fault(), "the counters are wrong about the gaps");
}

TEST_F(FindFault, ChangesNothing) {
  talc_.free(small_[1], kSmall);
  const std::vector<char> before(heap_.base, heap_.acme);
  EXPECT_STREQ(talc_.find_fault(), nullptr);
  EXPECT_EQ(memcmp(before.data(), heap_.base, before.size()), 0);
}

TEST_F(FindFault, AWalkShowsEachChunkFromTheTopDown) {
  std::vector<std::pair<Span, bool>> chunks;
  talc_.for_each_chunk(heap_,
                       [&](Span chunk, bool allocated) { chunks.emplace_back(chunk, allocated); });
  // Top gap, four small blocks, five large ones of which two are gaps, the table.
  ASSERT_EQ(chunks.size(), 11U);
  EXPECT_EQ(chunks.front().first.acme, heap_.acme);
  EXPECT_EQ(chunks.back().first.base, heap_.base + kHeader);
  for (size_t i = 0; i + 1 < chunks.size(); ++i) {
    EXPECT_EQ(chunks[i].first.base, chunks[i + 1].first.acme);
  }
  for (size_t i = 0; i < chunks.size(); ++i) {
    EXPECT_EQ(chunks[i].second, i != 0 && i != 6 && i != 8) << i;
  }
}

// With TALC_DEBUG each operation begins with find_fault.
TEST(FindFaultDeathTest, DebugBuildsFindFaultsOnEntry) {
  if (!Config{}.validate) {
    GTEST_SKIP() << "needs TALC_DEBUG";
  }
  const TestMemory memory(4096);
  Talc<ErrOnOom> talc;
  const Span heap = talc.claim(memory.span());
  char* const block = static_cast<char*>(talc.malloc(100, 8));
  word_at(block + chunk_size_for(100) - kTagSize) = 0;
  EXPECT_DEATH(talc.malloc(1, 1), "");
  EXPECT_DEATH(talc.free(block, 100), "");
  EXPECT_DEATH(talc.grow_in_place(block, 100, 101), "");
  EXPECT_DEATH(talc.shrink(block, 100, 99), "");
  EXPECT_DEATH(talc.extend(heap, heap), "");
  EXPECT_DEATH(talc.truncate(heap, heap), "");
  EXPECT_DEATH(talc.claim(Span()), "");
}

// Whatever happens to the gap at which a part has stopped, the next one sees each of the others once.
TEST(WalkGaps, GoesOnWhereItStopped) {
  for (size_t stop = 0; stop < 30; ++stop) {
    TestMemory memory(size_t{256} << 10);
    Talc<ErrOnOom, Config{.quick_lists = false, .walks_in_parts = true}> talc;
    talc.claim(memory.span());
    std::vector<char*> blocks(60);
    for (size_t i = 0; i < blocks.size(); ++i) {
      blocks[i] = static_cast<char*>(talc.malloc(1000 + i % 3 * 500, 8));
    }
    for (size_t i = 0; i < blocks.size(); i += 2) {
      talc.free(blocks[i], 1000 + i % 3 * 500);
    }
    std::vector<char*> seen;
    talc.begin_walk(1000);
    EXPECT_FALSE(talc.walk_gaps([&](Span gap) {
      seen.push_back(gap.base);
      return seen.size() <= stop;
    }));
    char* const last = seen.back();
    // The block above goes, and the gap with it: it is a part of a larger one.
    const auto above = std::find_if(blocks.begin(), blocks.end() - 1,
                                    [&](const char* block) { return block > last + 1000; });
    talc.free(*above, 1000 + static_cast<size_t>(above - blocks.begin()) % 3 * 500);
    EXPECT_TRUE(talc.walk_gaps([&](Span gap) {
      EXPECT_EQ(std::count(seen.begin(), seen.end(), gap.base), gap.base == last ? 1 : 0);
      seen.push_back(gap.base);
      return true;
    }));
    EXPECT_GE(seen.size(), blocks.size() / 2 - 1);
    EXPECT_TRUE(talc.walk_gaps([](Span) { return false; }));  // that was all
  }
}

TEST(WalkGaps, OfAnEngineWithoutMemoryIsOver) {
  Talc<ErrOnOom, Config{.walks_in_parts = true}> talc;
  talc.begin_walk(0);
  EXPECT_TRUE(talc.walk_gaps([](Span) { return false; }));
}

}  // namespace
}  // namespace talc
