// BlockModel: every live block of an engine, what it must contain, and what the engine may answer.
//
// It draws requests at random, or is told what to ask, and checks each answer: alignment, place
// within a heap, no overlap with another block, contents kept, failure only if nothing fits,
// counters exact.
#pragma once

#include <iterator>
#include <map>
#include <vector>

#include "core/heap_pool.hpp"
#include "core/test_memory.hpp"
#include "talc/core/talc.hpp"

namespace talc {

struct Request {
  size_t size;
  size_t align = 1;
  size_t offset = 0;

  // Whether it could be placed in `gap`, which is as large as [base, acme).
  bool fits(Span gap) const {
    const size_t chunk = chunk_size_for(size);
    const size_t step = align < kWordSize ? kWordSize : align;
    const size_t skip = (0 - (address_of(gap.base) + offset)) & (step - 1);
    return chunk <= gap.size() && skip <= gap.size() - chunk;
  }
};

// Whether some gap serves the request. Merges what waits, by asking for extents.
template <class TalcType>
bool fits_anywhere(TalcType& talc, Request request) {
  bool fits = false;
  talc.for_each_heap([&](Span heap) {
    talc.get_allocated_span(heap);
    talc.for_each_chunk(
        heap, [&](Span chunk, bool allocated) { fits |= !allocated && request.fits(chunk); });
  });
  return fits;
}

struct Block {
  char* ptr;
  Request request;
  unsigned char fill;

  Span span() const { return Span::from_base_size(ptr, request.size); }
  unsigned char byte_at(size_t index) const {
    return static_cast<unsigned char>(fill + index * 7 + index / 256);
  }
  void write_from(size_t index) const {
    for (; index < request.size; ++index) {
      ptr[index] = static_cast<char>(byte_at(index));
    }
  }
  // Whether the first `size` bytes are as written.
  bool holds(size_t size) const {
    for (size_t index = 0; index < size; ++index) {
      if (static_cast<unsigned char>(ptr[index]) != byte_at(index)) {
        return false;
      }
    }
    return true;
  }
};

template <class Handler, Config kConfig>
class BlockModel {
 public:
  using TalcType = Talc<Handler, kConfig>;

  BlockModel(TalcType& talc, HeapPool& pool, Random& random)
      : talc_(&talc), pool_(pool), random_(random) {}

  // The engine has moved there.
  void follow(TalcType& talc) { talc_ = &talc; }

  size_t count() const { return blocks_.size(); }
  const Counters& expected() const { return expected_; }

  // May a request fail although something fits? If the handler frees or moves memory meanwhile.
  bool failure_is_excused = false;

  void malloc(Request request) {
    void* const ptr = request.offset == 0
                          ? talc_->malloc(request.size, request.align)
                          : talc_->malloc_aligned_at(request.size, request.align, request.offset);
    if (ptr == nullptr) {
      EXPECT_TRUE(failure_is_excused || !fits_anywhere(*talc_, request))
          << "false failure of malloc(" << request.size << ", " << request.align << ")";
      return;
    }
    count_malloc(request.size);
    add({static_cast<char*>(ptr), request, next_fill_++}, 0);
  }

  void free_one() { free(take_any()); }

  void free_all() {
    while (!blocks_.empty()) {
      free_one();
    }
  }

  void grow_in_place_one(size_t by) {
    Block block = take_any();
    const size_t new_size = block.request.size + by;
    if (talc_->grow_in_place(block.ptr, block.request.size, new_size)) {
      count_resize(block.request.size, new_size);
      resize(block, block.ptr, new_size);
    } else {
      add(block, block.request.size);
    }
  }

  void resize_in_place_one(size_t new_size) {
    Block block = take_any();
    const size_t old_size = block.request.size;
    if (talc_->resize_in_place(block.ptr, old_size, new_size)) {
      count_resize(old_size, new_size);
      resize(block, block.ptr, new_size);
    } else {
      EXPECT_GT(new_size, old_size) << "shrinking failed";
      add(block, old_size);
    }
  }

  void grow_one(size_t by) {
    Block block = take_any();
    const size_t new_size = block.request.size + by;
    void* const ptr =
        talc_->grow(block.ptr, block.request.size, new_size, plain_align(block.request));
    finish_move(block, ptr, new_size);
  }

  void shrink_one() {
    Block block = take_any();
    const size_t new_size = random_.below(block.request.size + 1);
    talc_->shrink(block.ptr, block.request.size, new_size);
    count_resize(block.request.size, new_size);
    resize(block, block.ptr, new_size);
  }

  void realloc_one(size_t new_size) {
    Block block = take_any();
    const size_t old_size = block.request.size;
    void* const ptr = talc_->realloc(block.ptr, old_size, new_size, plain_align(block.request));
    EXPECT_TRUE(ptr != nullptr || new_size > old_size) << "shrinking failed";
    finish_move(block, ptr, new_size);
  }

  // Everything but the contents of blocks.
  void check() {
    ASSERT_STREQ(talc_->find_fault(), nullptr);
    for (const auto& [base, acme] : extents_) {
      ASSERT_TRUE(pool_.holds(Span(base, acme))) << "a block lies outside of the heaps";
    }
    if constexpr (kConfig.counters) {
      check_counters();
    }
  }

 private:
  // Where a block with an offset goes when it moves is not defined; so is its alignment then.
  static size_t plain_align(Request request) { return request.offset == 0 ? request.align : 1; }

  Block take_any() {
    const size_t index = random_.below(blocks_.size());
    const Block block = blocks_[index];
    blocks_[index] = blocks_.back();
    blocks_.pop_back();
    extents_.erase(block.ptr);
    EXPECT_TRUE(block.holds(block.request.size)) << "a block's contents are lost";
    return block;
  }

  void add(Block block, size_t bytes_kept) {
    const Request& request = block.request;
    ASSERT_TRUE(is_aligned(address_of(block.ptr) + request.offset, request.align));
    ASSERT_TRUE(is_aligned(block.ptr, kWordSize));
    // Blocks of size 0 have an address of their own, too.
    char* const acme = block.ptr + (request.size == 0 ? 1 : request.size);
    const auto above = extents_.lower_bound(block.ptr);
    ASSERT_TRUE(above == extents_.end() || acme <= above->first) << "two blocks overlap";
    ASSERT_TRUE(above == extents_.begin() || std::prev(above)->second <= block.ptr)
        << "two blocks overlap";
    ASSERT_TRUE(pool_.holds(Span(block.ptr, acme)));
    EXPECT_TRUE(block.holds(bytes_kept)) << "a block's contents were not kept";
    block.write_from(bytes_kept);
    extents_.emplace(block.ptr, acme);
    blocks_.push_back(block);
  }

  void resize(Block block, void* ptr, size_t new_size) {
    const size_t old_size = block.request.size;
    if (ptr != block.ptr) {
      block.request.align = plain_align(block.request);
      block.request.offset = 0;
    }
    block.ptr = static_cast<char*>(ptr);
    block.request.size = new_size;
    add(block, old_size < new_size ? old_size : new_size);
  }

  void finish_move(Block block, void* ptr, size_t new_size) {
    const size_t old_size = block.request.size;
    if (ptr == nullptr) {
      const Request wanted{new_size, plain_align(block.request), 0};
      EXPECT_TRUE(failure_is_excused || !fits_anywhere(*talc_, wanted)) << "false failure of grow";
      EXPECT_TRUE(failure_is_excused || !talc_->grow_in_place(block.ptr, old_size, new_size))
          << "false failure of grow: the block could grow where it is";
      add(block, old_size);
      return;
    }
    if (ptr == block.ptr) {
      count_resize(old_size, new_size);
    } else {
      count_malloc(new_size);
      count_free(old_size);
    }
    resize(block, ptr, new_size);
  }

  void free(Block block) {
    talc_->free(block.ptr, block.request.size);
    count_free(block.request.size);
  }

  void count_malloc(size_t size) {
    expected_.live_allocations += 1;
    expected_.total_allocations += 1;
    expected_.live_bytes += size;
    expected_.total_bytes += size;
  }
  void count_free(size_t size) {
    expected_.live_allocations -= 1;
    expected_.live_bytes -= size;
  }
  void count_resize(size_t old_size, size_t new_size) {
    expected_.live_bytes += new_size - old_size;
    expected_.total_bytes += new_size > old_size ? new_size - old_size : 0;
  }

  // Gaps are what a walk finds, and what waits to be merged counts as gaps before as well as after.
  void check_counters() {
    const Counters before = talc_->get_counters();
    Counters expected = expected_;
    expected.heap_count = pool_.expected().heap_count;
    expected.total_heaps = pool_.expected().total_heaps;
    expected.claimed_bytes = pool_.expected().claimed_bytes;
    expected.total_claimed_bytes = pool_.expected().total_claimed_bytes;
    expected.available_bytes = before.available_bytes;
    expected.gap_count = before.gap_count;
    ASSERT_EQ(before, expected);
    if (random_.one_in(8)) {
      check_gap_counters();
    }
  }

  void check_gap_counters() {
    size_t gap_count = 0;
    size_t gap_bytes = 0;
    talc_->for_each_heap([&](Span heap) {
      talc_->get_allocated_span(heap);
      talc_->for_each_chunk(heap, [&](Span chunk, bool allocated) {
        gap_count += allocated ? 0 : 1;
        gap_bytes += allocated ? 0 : chunk.size();
      });
    });
    ASSERT_EQ(talc_->get_counters().gap_count, gap_count);
    ASSERT_EQ(talc_->get_counters().available_bytes, gap_bytes);
  }

  TalcType* talc_;
  HeapPool& pool_;
  Random& random_;
  std::vector<Block> blocks_;
  std::map<char*, char*> extents_;
  Counters expected_;
  unsigned char next_fill_ = 1;
};

}  // namespace talc
