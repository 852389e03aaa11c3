// Tests of core/blocks.hpp: what malloc and free promise, for each way to configure the engine, and what
// a block costs.
#include <gtest/gtest.h>
#include <string.h>

#include <algorithm>
#include <vector>

#include "core/block_model.hpp"
#include "core/one_heap.hpp"
#include "core/test_memory.hpp"

namespace talc {
namespace {

template <class Variant>
class Blocks : public OneHeap<Variant> {};
TYPED_TEST_SUITE(Blocks, Variants);

TYPED_TEST(Blocks, AreAlignedAsAskedFor) {
  this->claim(size_t{16} << 20);
  for (size_t align = 1; align <= size_t{4} << 20; align *= 2) {
    std::vector<Span> blocks;
    for (const size_t size : Sizes{0, 1, 8, 16, 17, 100, 1000, 5000, 100000}) {
      char* const ptr = this->malloc(size, align);
      if (ptr == nullptr) {
        ASSERT_FALSE(fits_anywhere(this->talc_, Request{size, align}));
        continue;
      }
      EXPECT_TRUE(is_aligned(ptr, align)) << size << " at " << align;
      EXPECT_TRUE(is_aligned(ptr, kWordSize));
      memset(ptr, 0x5A, size);
      blocks.push_back(Span::from_base_size(ptr, size));
    }
    ASSERT_GE(blocks.size(), 2U);
    ASSERT_STREQ(this->talc_.find_fault(), nullptr);
    for (const Span block : blocks) {
      this->talc_.free(block.base, block.size());
    }
    this->expect_all_free();
  }
}

TYPED_TEST(Blocks, AreAlignedAtAnOffset) {
  this->claim(1 << 20);
  for (size_t align = kWordSize; align <= 65536; align *= 2) {
    for (const size_t offset : Sizes{0, kWordSize, 3 * kWordSize, align - kWordSize, 10 * align}) {
      for (const size_t size : Sizes{8, 100, 2000}) {
        void* const ptr = this->talc_.malloc_aligned_at(size, align, offset);
        ASSERT_NE(ptr, nullptr);
        EXPECT_TRUE(is_aligned(address_of(ptr) + offset, align)) << align << ", " << offset;
        EXPECT_TRUE(is_aligned(ptr, kWordSize));
        this->talc_.free(ptr, size);
      }
    }
  }
  this->expect_all_free();
}

TYPED_TEST(Blocks, OfNoSizeHaveAddressesOfTheirOwn) {
  this->claim(100000);
  std::vector<char*> blocks;
  for (int i = 0; i < 100; ++i) {
    blocks.push_back(this->malloc(0));
    ASSERT_NE(blocks.back(), nullptr);
  }
  std::sort(blocks.begin(), blocks.end());
  EXPECT_EQ(std::unique(blocks.begin(), blocks.end()), blocks.end());
  for (char* const block : blocks) {
    this->talc_.free(block, 0);
  }
  this->expect_all_free();
}

TYPED_TEST(Blocks, RequestsBeyondTheAddressSpaceFail) {
  this->claim(100000);
  constexpr size_t kHalf = ~(~size_t{0} / 2);
  char* const block = this->malloc(100);
  memset(block, 1, 100);
  for (const size_t size :
       Sizes{~size_t{0}, ~size_t{0} - kWordSize, kHalf, kHalf - 1, kMaxRequest, kMaxRequest + 1,
             kMaxRequest - kWordSize, kHalf / 2, size_t{100001}}) {
    for (const size_t align : Sizes{size_t{1}, size_t{64}, size_t{1} << 20, kHalf / 2, kHalf}) {
      EXPECT_EQ(this->malloc(size, align), nullptr) << size << ", " << align;
      EXPECT_EQ(this->talc_.grow(block, 100, size, align), nullptr);
      EXPECT_EQ(this->talc_.realloc(block, 100, size, align), nullptr);
    }
    EXPECT_FALSE(this->talc_.grow_in_place(block, 100, size));
  }
  EXPECT_EQ(this->malloc(1, kHalf), nullptr);
  EXPECT_EQ(this->malloc(1, kHalf / 2), nullptr);
  EXPECT_EQ(this->talc_.get_counters().live_bytes, 100U);
  EXPECT_EQ(block[99], 1);
  this->talc_.free(block, 100);
  this->expect_all_free();
}

// The promise of the engine's "vital statistics", and of the chunk layout: nothing but a tag,
// rounded up to words, and 24 bytes at least.
TYPED_TEST(Blocks, CostATagAndRounding) {
  struct {
    size_t size;
    size_t arena_bytes_per_block;
  } const kTable[] = {{8, 24}, {24, 32}, {25, 40}, {32, 40}, {40, 48}, {64, 72}, {100, 112}};
  constexpr size_t kCount = 1000;
  for (const auto& row : kTable) {
    this->claim(1 << 18);
    const size_t before = this->talc_.get_counters().available_bytes;
    for (size_t i = 0; i < kCount; ++i) {
      ASSERT_NE(this->malloc(row.size), nullptr);
    }
    const size_t used = before - this->talc_.get_counters().available_bytes;
    EXPECT_LE(used, kCount * row.arena_bytes_per_block) << row.size << " bytes";
  }
}

TYPED_TEST(Blocks, MergeIntoOneGapHoweverTheyAreFreed) {
  const unsigned long seed = test_seed(11);
  SCOPED_TRACE(testing::Message() << "TALC_TEST_SEED=" << seed);
  Random random(seed);
  this->claim(1 << 18);
  std::vector<Span> blocks;
  for (;;) {
    const size_t size = random.magnitude(3000);
    char* const ptr = this->malloc(size, size_t{1} << random.below(9));
    if (ptr == nullptr) {
      break;
    }
    blocks.emplace_back(ptr, ptr + size);
  }
  EXPECT_GT(blocks.size(), 100U);
  while (!blocks.empty()) {
    const size_t index = random.below(blocks.size());
    this->talc_.free(blocks[index].base, blocks[index].size());
    blocks[index] = blocks.back();
    blocks.pop_back();
  }
  this->expect_all_free();
}

class BlocksBelowTheTop : public OneHeap<SparingTop> {};

TEST_F(BlocksBelowTheTop, ComeFromALargerGapRatherThanFromTheTop) {
  claim(1 << 20);
  char* const below = malloc(300000);
  char* const between = malloc(100000);
  char* const most = malloc(500000);
  ASSERT_NE(most, nullptr);
  const char* const top = most + 500000;
  talc_.free(below, 300000);  // a gap larger than the top
  EXPECT_LT(malloc(50000), between);
  EXPECT_LT(malloc(50000), between);
  talc_.free(between, 100000);
  EXPECT_LT(malloc(280000), most);
  EXPECT_GT(malloc(100000), top);  // fits nowhere else
  EXPECT_LT(malloc(10000), most);
  EXPECT_STREQ(talc_.find_fault(), nullptr);
}

TEST_F(BlocksBelowTheTop, ComeFromAGapAsLargeAsTheTop) {
  claim(1 << 20);
  char* const first = malloc(100000);
  malloc(100);
  char* const second = malloc(100000);
  char* const most = malloc(heap_.size() - 320000);
  ASSERT_NE(most, nullptr);
  talc_.free(first, 100000);
  talc_.free(second, 100000);
  std::vector<char*> blocks;
  for (int i = 0; i < 40; ++i) {
    blocks.push_back(malloc(4900));
    EXPECT_LT(blocks.back(), most);
  }
  EXPECT_GT(malloc(4900), most);
}

TYPED_TEST(Blocks, TakeThePlaceOfWhatWasFreed) {
  this->claim(64 << 10);
  std::vector<char*> blocks;
  for (char* ptr; (ptr = this->malloc(100)) != nullptr;) {
    blocks.push_back(ptr);
  }
  for (int round = 0; round < 3; ++round) {
    for (size_t i = static_cast<size_t>(round) % 2; i < blocks.size(); i += 2) {
      this->talc_.free(blocks[i], 100);
    }
    for (size_t i = static_cast<size_t>(round) % 2; i < blocks.size(); i += 2) {
      blocks[i] = this->malloc(100);
      ASSERT_NE(blocks[i], nullptr);
    }
    EXPECT_EQ(this->malloc(100), nullptr);
  }
}

}  // namespace
}  // namespace talc
