// A request that fits in some gap, whatever its alignment, succeeds: the engine against brute force
// over the gaps, in heaps full of holes.
#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "core/block_model.hpp"
#include "core/test_memory.hpp"
#include "talc/core/talc.hpp"
#include "talc/oom/err_on_oom.hpp"

namespace talc {
namespace {

constexpr size_t kPage = 4096;

template <class EngineType>
class NoFalseFailure : public testing::Test {
 protected:
  // Takes [from, to) of the heap's payloads apart from a hole: allocates all, then frees the hole.
  // Returns where the hole is.
  static Span leave_hole(EngineType& talc, Span heap, char* from, char* to) {
    const Span used = talc.get_allocated_span(heap);
    char* const low = static_cast<char*>(
        talc.malloc(static_cast<size_t>(from - used.acme) - kTagSize, kWordSize));
    const size_t hole_bytes = static_cast<size_t>(to - from) - kTagSize;
    char* const hole = static_cast<char*>(talc.malloc(hole_bytes, kWordSize));
    const size_t rest_bytes = static_cast<size_t>(heap.acme - to) - kTagSize;
    char* const rest = static_cast<char*>(talc.malloc(rest_bytes, kWordSize));
    EXPECT_EQ(low, used.acme);
    EXPECT_EQ(hole, from);
    EXPECT_EQ(rest, to);
    talc.free(hole, hole_bytes);
    return Span(from, to);
  }
};

using Engines = testing::Types<
    Talc<ErrOnOom>, Talc<ErrOnOom, Config{.quick_lists = false}>,
    Talc<ErrOnOom, Config{.compact = false}>, Talc<ErrOnOom, Config{.bins_per_doubling_log2 = 2}>,
    Talc<ErrOnOom, Config{.fixed_bins = 16}>,
    Talc<ErrOnOom, Config{.quick_lists = false, .compact = false, .small_code = true}>>;
TYPED_TEST_SUITE(NoFalseFailure, Engines);

// Where Talc 5, dlmalloc and TLSF return null: a hole of 512 bytes with a page boundary in it is
// in a lower bin than 64 bytes and the room to align them to 4096.
TYPED_TEST(NoFalseFailure, APageBoundaryInASmallHole) {
  for (size_t below = 0; below <= 512 - chunk_size_for(64); below += kWordSize) {
    const TestMemory memory(8 * kPage, kPage);
    TypeParam talc;
    const Span heap = talc.claim(memory.span());
    char* const boundary = memory.base() + 4 * kPage;
    this->leave_hole(talc, heap, boundary - below, boundary - below + 512);
    EXPECT_EQ(talc.malloc(64, kPage), boundary) << below;
    EXPECT_STREQ(talc.find_fault(), nullptr);
  }
}

TYPED_TEST(NoFalseFailure, AnExactFitAtEachAlignment) {
  for (size_t align = kWordSize; align <= 2 * kPage; align *= 2) {
    for (const size_t size : Sizes{1, 24, 100, 1000, 3000}) {
      const TestMemory memory(8 * kPage, 8 * kPage);
      TypeParam talc;
      const Span heap = talc.claim(memory.span());
      char* const at = memory.base() + 4 * kPage + (align < 4 * kPage ? align : 0);
      this->leave_hole(talc, heap, at, at + chunk_size_for(size));
      EXPECT_EQ(talc.malloc(size + kWordSize + 16, align), nullptr);
      EXPECT_EQ(talc.malloc(size, align), at) << size << " at " << align;
    }
  }
}

TYPED_TEST(NoFalseFailure, FailsOnlyIfNoGapServes) {
  const unsigned long seed = test_seed(1);
  for (unsigned long round = 0; round < 8; ++round) {
    SCOPED_TRACE(testing::Message() << "TALC_TEST_SEED=" << seed + round);
    Random random(seed + round);
    const TestMemory memory(size_t{4000} << random.below(6), kPage, random.below(100));
    TypeParam talc;
    talc.claim(memory.part(0, memory.size() / 2));
    talc.claim(memory.part(memory.size() / 2 + random.below(64), memory.size()));

    std::vector<Span> blocks;
    size_t outcomes[2] = {};
    for (int step = 0; step < 400; ++step) {
      const Request request{random.magnitude(memory.size() / 8), size_t{1} << random.below(14),
                            random.one_in(4) ? kWordSize * random.below(100) : 0};
      // Asking for extents merges what waits, so it is done only now and then.
      const bool asked = random.one_in(3);
      const bool fits = asked && fits_anywhere(talc, request);
      char* const ptr =
          static_cast<char*>(talc.malloc_aligned_at(request.size, request.align, request.offset));
      ASSERT_TRUE(!asked || fits == (ptr != nullptr)) << request.size << " at " << request.align;
      if (ptr != nullptr) {
        blocks.push_back(Span::from_base_size(ptr, request.size));
      } else {
        ASSERT_FALSE(fits_anywhere(talc, request)) << request.size << " at " << request.align;
      }
      outcomes[ptr != nullptr] += 1;
      while (!blocks.empty() && random.one_in(ptr == nullptr ? 2 : 4)) {
        std::swap(blocks[random.below(blocks.size())], blocks.back());
        talc.free(blocks.back().base, blocks.back().size());
        blocks.pop_back();
      }
    }
    EXPECT_GT(outcomes[true], 100U);
    EXPECT_GT(outcomes[false], 10U);
  }
}

}  // namespace
}  // namespace talc
