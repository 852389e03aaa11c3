// Tests of core/resize.hpp: blocks grow and shrink, where they are or elsewhere, keep their contents, and
// stay as they were when that fails.
#include <gtest/gtest.h>
#include <string.h>

#include "core/block_model.hpp"
#include "core/one_heap.hpp"
#include "core/test_memory.hpp"

namespace talc {
namespace {

template <class Variant>
class Resize : public OneHeap<Variant> {};
TYPED_TEST_SUITE(Resize, Variants);

TYPED_TEST(Resize, GrowInPlaceIntoTheGapAbove) {
  this->claim(100000);
  char* const block = this->malloc(2000);
  memset(block, 3, 2000);
  ASSERT_TRUE(this->talc_.grow_in_place(block, 2000, 2000)) << "by nothing";
  ASSERT_TRUE(this->talc_.grow_in_place(block, 2000, 2001));
  size_t size = 2001;
  for (size_t by = 1; by < 100; ++by) {
    ASSERT_TRUE(this->talc_.grow_in_place(block, size, size + by)) << by;
    memset(block + size, 3, by);
    size += by;
    ASSERT_STREQ(this->talc_.find_fault(), nullptr);
  }
  // To the very top: what is too little for a gap becomes part of the block.
  const size_t most = static_cast<size_t>(this->heap_.acme - block) - kTagSize;
  EXPECT_FALSE(this->talc_.grow_in_place(block, size, most + 1));
  ASSERT_TRUE(this->talc_.grow_in_place(block, size, most - 2 * kWordSize));
  EXPECT_EQ(this->talc_.get_counters().available_bytes, 0U);
  ASSERT_TRUE(this->talc_.grow_in_place(block, most - 2 * kWordSize, most));
  EXPECT_STREQ(this->talc_.find_fault(), nullptr);
  EXPECT_EQ(block[0] + block[size - 1], 6);
  this->talc_.free(block, most);
  this->expect_all_free();
}

TYPED_TEST(Resize, DoNotGrowInPlaceIntoANeighbour) {
  this->claim(100000);
  char* const block = this->malloc(2000);
  char* const neighbour = this->malloc(2000);
  ASSERT_EQ(neighbour, block + chunk_size_for(2000));
  EXPECT_FALSE(this->talc_.grow_in_place(block, 2000, 2001));
  char* const moved = static_cast<char*>(this->talc_.grow(block, 2000, 2001, 8));
  EXPECT_NE(moved, block);
  this->talc_.free(moved, 2001);
  this->talc_.free(neighbour, 2000);
  this->expect_all_free();
}

TYPED_TEST(Resize, KeepTheirContentsWhenTheyMove) {
  this->claim(1 << 20);
  for (const size_t size : Sizes{1, 16, 24, 100, 1000, 1017, 5000, 100000}) {
    for (const bool by_realloc : {false, true}) {
      Block block{this->malloc(size), {size}, 17};
      block.write_from(0);
      char* const wall = this->malloc(1);
      const size_t larger = 2 * size + 30;
      block.ptr = static_cast<char*>(by_realloc ? this->talc_.realloc(block.ptr, size, larger, 64)
                                                : this->talc_.grow(block.ptr, size, larger, 64));
      ASSERT_NE(block.ptr, nullptr);
      EXPECT_TRUE(block.holds(size));
      this->talc_.free(wall, 1);
      this->talc_.free(block.ptr, larger);
    }
  }
  this->expect_all_free();
}

TYPED_TEST(Resize, StayAsTheyWereWhenGrowingFails) {
  this->claim(20000);
  Block block{this->malloc(500), {500}, 5};
  block.write_from(0);
  this->fill();
  EXPECT_EQ(this->talc_.grow(block.ptr, 500, 3000, 8), nullptr);
  EXPECT_EQ(this->talc_.realloc(block.ptr, 500, 3000, 8), nullptr);
  EXPECT_FALSE(this->talc_.grow_in_place(block.ptr, 500, 3000));
  EXPECT_TRUE(block.holds(500));
  EXPECT_STREQ(this->talc_.find_fault(), nullptr);
  this->talc_.free(block.ptr, 500);
  EXPECT_NE(this->malloc(500), nullptr);
}

// A neighbour that was freed is free, whether or not it has been merged yet.
TYPED_TEST(Resize, GrowIntoANeighbourJustFreedIfThatIsTheOnlyWay) {
  this->claim(64 << 10);
  Block block{this->malloc(400), {400}, 5};
  char* const neighbour = this->malloc(400);
  block.write_from(0);
  this->fill();
  this->talc_.free(neighbour, 400);
  EXPECT_EQ(this->talc_.grow(block.ptr, 400, 800, 8), block.ptr);
  EXPECT_TRUE(block.holds(400));
}

TYPED_TEST(Resize, GrowBackAfterShrinkingIfThatIsTheOnlyWay) {
  this->claim(64 << 10);
  char* const block = this->malloc(900);
  this->fill();
  this->talc_.shrink(block, 900, 100);
  EXPECT_EQ(this->talc_.realloc(block, 100, 900, 8), block);
  EXPECT_STREQ(this->talc_.find_fault(), nullptr);
}

TYPED_TEST(Resize, ShrinkInPlaceToAnySize) {
  for (size_t size = 0; size <= 200; size += 5) {
    this->claim(64 << 10);
    char* const block = this->malloc(size);
    char* const wall = this->malloc(8);
    memset(block, 7, size);
    size_t live = size + 8;
    for (size_t now = size, next; now > 0; now = next) {
      next = now - (now < 3 ? 1 : now / 3);
      this->talc_.shrink(block, now, next);
      live -= now - next;
      ASSERT_EQ(this->talc_.get_counters().live_bytes, live);
      ASSERT_STREQ(this->talc_.find_fault(), nullptr) << now << " to " << next;
      ASSERT_TRUE(next == 0 || (block[0] == 7 && block[next - 1] == 7));
    }
    this->talc_.free(block, 0);
    this->talc_.free(wall, 8);
    this->expect_all_free();
  }
}

TYPED_TEST(Resize, InPlaceEitherWay) {
  this->claim(64 << 10);
  Block block{this->malloc(1000), {1000}, 5};
  block.write_from(0);
  for (const size_t size : Sizes{1000, 500, 1, 2000, 60000, 30}) {
    this->talc_.get_allocated_span(this->heap_);  // merges
    ASSERT_TRUE(this->talc_.resize_in_place(block.ptr, block.request.size, size)) << size;
    EXPECT_TRUE(block.holds(size < block.request.size ? size : block.request.size));
    block.request.size = size;
    block.write_from(0);
    EXPECT_EQ(this->talc_.get_counters().live_bytes, size);
    ASSERT_STREQ(this->talc_.find_fault(), nullptr) << size;
  }
  char* const wall = this->malloc(1);
  for (const size_t size : {size_t{1} << 16, kMaxRequest, kMaxRequest + 1, ~size_t{0}}) {
    EXPECT_FALSE(this->talc_.resize_in_place(block.ptr, 30, size)) << size;
    EXPECT_TRUE(block.holds(30));
    EXPECT_EQ(this->talc_.get_counters().live_bytes, 31U);
    ASSERT_STREQ(this->talc_.find_fault(), nullptr) << size;
  }
  this->talc_.free(block.ptr, 30);
  this->talc_.free(wall, 1);
  this->expect_all_free();
}

TYPED_TEST(Resize, GiveBackWhatTheyShrinkBy) {
  this->claim(64 << 10);
  char* const block = this->malloc(20000);
  this->fill();
  EXPECT_EQ(this->malloc(15000), nullptr);
  this->talc_.shrink(block, 20000, 1000);
  EXPECT_NE(this->malloc(15000), nullptr);
}

TYPED_TEST(Resize, ShrinkWithReallocEvenWhenAllIsFull) {
  this->claim(64 << 10);
  Block block{this->malloc(20000), {20000}, 5};
  block.write_from(0);
  this->fill();
  for (const size_t size : Sizes{19999, 15000, 1000, 100, 1, 0}) {
    block.ptr = static_cast<char*>(this->talc_.realloc(block.ptr, block.request.size, size, 8));
    ASSERT_NE(block.ptr, nullptr);
    block.request.size = size;
    EXPECT_TRUE(block.holds(size));
    EXPECT_STREQ(this->talc_.find_fault(), nullptr);
  }
}

}  // namespace
}  // namespace talc
