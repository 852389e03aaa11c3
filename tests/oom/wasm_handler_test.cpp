// Tests of oom/wasm_handler.hpp, over a memory that grows as WebAssembly's does: where the heap is extended,
// where a new one begins, what a limit leaves. (tests/wasm/ has it grow a module's memory.)
#include "talc/oom/wasm_handler.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "talc/core/talc.hpp"

namespace talc {
namespace {

constexpr size_t kPage = 4096;

// Pages side by side, of which the first are data and stack.
struct Pages {
  explicit Pages(size_t most) : limit(most), memory(new char[(most + 1) * kPage]) {
    base = align_up(memory.get(), kPage);
  }
  char* grow(size_t count) {
    calls += 1;
    if (count > limit - used) {
      return nullptr;
    }
    used += count;
    return base + (used - count) * kPage;
  }
  size_t limit;
  size_t used = 2;
  size_t data_bytes = kPage + 1000;
  int calls = 0;
  std::unique_ptr<char[]> memory;
  char* base;
};

struct FakeMemory {
  static constexpr size_t kPageBytes = kPage;
  Pages* pages = nullptr;
  Span grow(size_t count) {
    char* const base = pages->grow(count);
    return base == nullptr ? Span() : Span(base, base + count * kPage);
  }
  Span initial() {
    return Span(align_up(pages->base + pages->data_bytes, 16), pages->base + 2 * kPage);
  }
};

template <unsigned kGrowthLog2>
using Engine =
    Talc<WasmHandler<kGrowthLog2, FakeMemory>,
         Config{.quick_lists = false, .counters = true, .compact = false, .small_code = true}>;
using UsualEngine = Talc<WasmHandler<0, FakeMemory>, Config{.counters = true}>;

static_assert(OomHandlerFor<WasmHandler<3, FakeMemory>, Engine<3>>);

TEST(WasmHandler, BeginsWithWhatIsLeftOfTheFirstPages) {
  Pages pages(10);
  Engine<0> talc(WasmHandler<0, FakeMemory>(FakeMemory{&pages}));
  char* const block = static_cast<char*>(talc.malloc(100, 8));
  ASSERT_NE(block, nullptr);
  EXPECT_EQ(pages.calls, 0);
  EXPECT_GE(block, pages.base + pages.data_bytes);
  EXPECT_LT(block, pages.base + 2 * kPage);
}

TEST(WasmHandler, DoesWithoutFirstPagesThatAreFull) {
  for (const size_t left : {size_t{0}, size_t{16}, size_t{32}}) {
    Pages pages(10);
    pages.data_bytes = 2 * kPage - left;
    Engine<0> talc(WasmHandler<0, FakeMemory>(FakeMemory{&pages}));
    EXPECT_NE(talc.malloc(100, 8), nullptr) << left;
    EXPECT_STREQ(talc.find_fault(), nullptr);
  }
}

template <class TalcType>
class WasmHeaps : public testing::Test {
 protected:
  explicit WasmHeaps(size_t most = 1000)
      : pages_(most), talc_(WasmHandler<0, FakeMemory>(FakeMemory{&pages_})) {}

  Pages pages_;
  TalcType talc_;
};
using Engines = testing::Types<Engine<0>, UsualEngine>;
TYPED_TEST_SUITE(WasmHeaps, Engines);

TYPED_TEST(WasmHeaps, AreOneWhileNobodyElseGrowsTheMemory) {
  size_t bytes = 0;
  for (size_t size = 1; size < 5 * kPage; size += 997) {
    ASSERT_NE(this->talc_.malloc(size, 8), nullptr);
    bytes += size;
  }
  EXPECT_EQ(this->talc_.get_counters().heap_count, 1U);
  EXPECT_EQ(this->talc_.get_counters().claimed_bytes,
            this->pages_.used * kPage - align_up(this->pages_.data_bytes, 16) - kWordSize);
  // No more than is needed, but for the last page.
  EXPECT_LT(this->pages_.used * kPage - this->pages_.data_bytes, bytes + bytes / 16 + 2 * kPage);
}

TYPED_TEST(WasmHeaps, BeginAnewBehindOthersPages) {
  std::vector<char*> others;
  std::vector<char*> blocks;
  for (int turn = 0; turn < 20; ++turn) {
    blocks.push_back(static_cast<char*>(this->talc_.malloc(3 * kPage, 8)));
    ASSERT_NE(blocks.back(), nullptr);
    others.push_back(this->pages_.grow(1));
  }
  EXPECT_GT(this->talc_.get_counters().heap_count, 10U);
  EXPECT_STREQ(this->talc_.find_fault(), nullptr);
  this->talc_.for_each_heap([&](Span heap) {
    for (char* const other : others) {
      EXPECT_FALSE(heap.overlaps(Span::from_base_size(other, kPage)));
    }
  });
  for (char* const block : blocks) {
    this->talc_.free(block, 3 * kPage);
  }
  EXPECT_STREQ(this->talc_.find_fault(), nullptr);
}

// At the limit all that is free on top of the heap counts.
TEST(WasmHandler, FillsTheMemoryToItsLastPage) {
  Pages pages(20);
  Engine<0> talc(WasmHandler<0, FakeMemory>(FakeMemory{&pages}));
  ASSERT_NE(talc.malloc(5 * kPage, 8), nullptr);
  ASSERT_NE(talc.malloc(100, 8), nullptr);
  size_t top_bytes = 0;
  talc.for_each_heap([&](Span heap) { top_bytes += talc.get_top_bytes(heap); });
  ASSERT_GT(top_bytes, size_t{200});
  EXPECT_NE(talc.malloc((pages.limit - pages.used) * kPage + top_bytes - 100, 8), nullptr);
  EXPECT_EQ(pages.used, pages.limit);
  EXPECT_EQ(talc.malloc(2 * kPage, 8), nullptr);
  EXPECT_STREQ(talc.find_fault(), nullptr);
}

TYPED_TEST(WasmHeaps, LoseNothingWhenTheMemoryCannotGrow) {
  this->pages_.limit = 10;
  EXPECT_EQ(this->talc_.malloc(10 * kPage, 8), nullptr);
  EXPECT_EQ(this->talc_.malloc(kMaxRequest - 8, 8), nullptr);
  EXPECT_EQ(this->talc_.malloc(8, size_t{1} << (kWordBits - 2)), nullptr);
  EXPECT_EQ(this->pages_.used, 2U);
  EXPECT_NE(this->talc_.malloc(6 * kPage, 8), nullptr);
  EXPECT_STREQ(this->talc_.find_fault(), nullptr);
}

TEST(WasmHandler, GrowsByAShareOfTheHeapIfThatIsThere) {
  Pages pages(1000);
  Engine<3> talc(WasmHandler<3, FakeMemory>(FakeMemory{&pages}));
  ASSERT_NE(talc.malloc(800 * kPage, 8), nullptr);
  const size_t used = pages.used;
  while (talc.malloc(kPage / 2, 8) != nullptr && pages.used == used) {
  }
  EXPECT_EQ(pages.used - used, talc.get_counters().claimed_bytes == 0
                                   ? 0
                                   : (used * kPage - pages.data_bytes) / 8 / kPage);
  // No eighth is left: then as little as is needed, to the end.
  while (talc.malloc(kPage / 2, 8) != nullptr) {
  }
  EXPECT_EQ(pages.used, pages.limit);
  EXPECT_STREQ(talc.find_fault(), nullptr);
}

}  // namespace
}  // namespace talc
