// Tests of c/c_heap.hpp: alignment, contents, sizes that are remembered, sizes that no memory holds.
#include "talc/c/c_heap.hpp"

#include <gtest/gtest.h>
#include <string.h>

#include <vector>

#include "core/test_memory.hpp"
#include "talc/oom/claim_on_oom.hpp"
#include "talc/oom/err_on_oom.hpp"

namespace talc {
namespace {

constexpr Config kSmall{
    .quick_lists = false, .counters = true, .compact = false, .small_code = true};

alignas(16) char static_memory[4096];
constinit CHeap<Talc<ClaimOnOom, kSmall>> constant_heap{
    Talc<ClaimOnOom, kSmall>{ClaimOnOom{Span::from_array(static_memory)}}};

TEST(CHeap, IsAConstant) {
  void* const block = constant_heap.malloc(100);
  ASSERT_NE(block, nullptr);
  EXPECT_TRUE(Span::from_array(static_memory).contains(block));
  constant_heap.free(block);
}

template <class Engine>
class CHeaps : public testing::Test {
 protected:
  static constexpr size_t kBytes = 1 << 20;

  // In memory that begins anywhere.
  CHeaps() : memory_(kBytes, 64, 3 * kWordSize) { talc().claim(memory_.span()); }
  ~CHeaps() override { EXPECT_STREQ(talc().find_fault(), nullptr); }

  Engine& talc() { return heap_.get_talc(); }

  TestMemory memory_;
  CHeap<Engine> heap_;
};
using Engines = testing::Types<Talc<ErrOnOom, Config{.counters = true}>,
                               Talc<ErrOnOom, Config{.counters = true, .compact = false}>,
                               Talc<ErrOnOom, kSmall>>;
TYPED_TEST_SUITE(CHeaps, Engines);

TYPED_TEST(CHeaps, RememberSizesAndAlign) {
  std::vector<void*> blocks;
  for (size_t size = 0; size < 600; ++size) {
    void* const block = this->heap_.malloc(size);
    ASSERT_NE(block, nullptr);
    EXPECT_TRUE(is_aligned(block, 16));
    EXPECT_GE(this->heap_.usable_size(block), size);
    EXPECT_LT(this->heap_.usable_size(block), size + 32);
    memset(block, 0xee, this->heap_.usable_size(block));
    blocks.push_back(block);
  }
  for (void* const block : blocks) {
    this->heap_.free(block);
  }
  this->heap_.free(nullptr);
  EXPECT_EQ(this->talc().get_counters().live_allocations, 0U);
  EXPECT_EQ(this->talc().get_counters().live_bytes, 0U);
}

// Chunks are multiples of 16 bytes, so only the first of a heap can be aligned at a price.
TYPED_TEST(CHeaps, AlignForNothing) {
  for (int i = 0; i < 100; ++i) {
    ASSERT_NE(this->heap_.malloc(static_cast<size_t>(i)), nullptr);
  }
  EXPECT_LE(this->talc().get_counters().gap_count, 2U);
}

TYPED_TEST(CHeaps, TakeAnyAlignment) {
  for (size_t align = 1; align <= 65536; align *= 2) {
    void* const block = this->heap_.aligned_alloc(align, 100);
    ASSERT_NE(block, nullptr) << align;
    EXPECT_TRUE(is_aligned(block, align < 16 ? 16 : align));
    memset(block, 1, 100);
    this->heap_.free(block);
  }
}

TYPED_TEST(CHeaps, ClearWhatCallocReturns) {
  for (const size_t size : Sizes{1, 24, 100, 5000}) {
    void* const dirty = this->heap_.malloc(size * 3);
    memset(dirty, 0xff, size * 3);
    this->heap_.free(dirty);
    auto* const block = static_cast<unsigned char*>(this->heap_.calloc(size, 3));
    ASSERT_NE(block, nullptr);
    for (size_t i = 0; i < size * 3; ++i) {
      ASSERT_EQ(block[i], 0);
    }
    this->heap_.free(block);
  }
}

TYPED_TEST(CHeaps, ReallocKeepsContents) {
  unsigned char* block = nullptr;
  size_t held = 0;
  for (const size_t size : Sizes{10, 1000, 100, 100000, 0, 1, 300000, 20}) {
    void* const wall = this->heap_.malloc(10);
    block = static_cast<unsigned char*>(this->heap_.realloc(block, size));
    ASSERT_NE(block, nullptr);
    EXPECT_TRUE(is_aligned(block, 16));
    for (size_t i = 0; i < held && i < size; ++i) {
      ASSERT_EQ(block[i], static_cast<unsigned char>(i)) << size;
    }
    for (size_t i = 0; i < size; ++i) {
      block[i] = static_cast<unsigned char>(i);
    }
    held = size;
    this->heap_.free(wall);
  }
  this->heap_.free(block);
  EXPECT_EQ(this->talc().get_counters().live_allocations, 0U);
}

TYPED_TEST(CHeaps, RefuseWhatNoMemoryHolds) {
  auto* const block = static_cast<char*>(this->heap_.malloc(10));
  memset(block, 5, 10);
  for (const size_t size : {~size_t{0}, ~size_t{0} - 7, ~size_t{0} - 40, ~size_t{0} / 2 + 1,
                            ~size_t{0} / 2, kMaxRequest, kMaxRequest - 40, size_t{2} << 20}) {
    EXPECT_EQ(this->heap_.malloc(size), nullptr);
    EXPECT_EQ(this->heap_.calloc(size, 1), nullptr);
    EXPECT_EQ(this->heap_.realloc(block, size), nullptr);
    EXPECT_EQ(this->heap_.realloc(nullptr, size), nullptr);
    EXPECT_EQ(this->heap_.aligned_alloc(64, size), nullptr);
  }
  EXPECT_EQ(this->heap_.calloc(~size_t{0} / 2, 3), nullptr);
  EXPECT_EQ(this->heap_.calloc(size_t{1} << kWordBits / 2, size_t{1} << kWordBits / 2), nullptr);
  EXPECT_EQ(block[0] + block[9], 10);
  EXPECT_EQ(this->talc().get_counters().live_allocations, 1U);
}

}  // namespace
}  // namespace talc
