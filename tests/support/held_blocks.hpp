// HeldBlocks: blocks of one thread, filled with what only their holder knows, so that one that is
// lost, handed out twice or written to by the allocator is noticed.
//
// `Source` allocates: allocate(size, align), allocate_zeroed, reallocate, release, as ProcessHeap has
// them. Of large blocks only both ends are written and looked at. A block that could not be had is
// counted, and is no fault.
#pragma once

#include <stdint.h>
#include <string.h>

#include <algorithm>
#include <vector>

#include "talc/base/word.hpp"

namespace talc {

template <class Source>
class HeldBlocks {
 public:
  explicit HeldBlocks(Source& source, unsigned seed = 1) : source_(source), next_fill_(seed) {
    blocks_.reserve(1000);  // the vector may be allocated by what is tested
  }

  void take(size_t size, size_t align = 16) {
    add(static_cast<unsigned char*>(source_.allocate(size, align)), size, align);
  }
  void take_zeroed(size_t size, size_t align = 16) {
    auto* const block = static_cast<unsigned char*>(source_.allocate_zeroed(size, align));
    if (block != nullptr) {
      is_right_ &= holds({block, size, 0});
    }
    add(block, size, align);
  }

  void resize(size_t index, size_t size) {
    Block& old = blocks_[index];
    is_right_ &= holds(old);
    void* const moved = source_.reallocate(old.start, size);
    if (moved == nullptr) {
      nulls_ += 1;
      is_right_ &= size > old.size && holds(old);
      return;
    }
    Block fresh{static_cast<unsigned char*>(moved), std::min(size, old.size), old.fill};
    const size_t ends = std::min(fresh.size, kEnd);
    is_right_ &= all(fresh.start, ends, fresh.fill);
    is_right_ &= size < old.size || holds(fresh);
    fresh.size = size;
    write(fresh);
    old = fresh;
  }

  void drop(size_t index) {
    is_right_ &= holds(blocks_[index]);
    source_.release(blocks_[index].start);
    blocks_[index] = blocks_.back();
    blocks_.pop_back();
  }
  // Drops about one of `n`.
  void drop_each(size_t n) {
    for (size_t i = 0; i < blocks_.size(); i += n) {
      drop(i);
    }
  }
  void drop_all() {
    while (!blocks_.empty()) {
      drop(blocks_.size() - 1);
    }
  }

  // Whether every block holds what was written to it, always did, and was aligned and, where asked
  // for, zero.
  bool is_right() const {
    return is_right_ && std::all_of(blocks_.begin(), blocks_.end(),
                                    [](const Block& block) { return holds(block); });
  }
  size_t count() const { return blocks_.size(); }
  size_t nulls() const { return nulls_; }

 private:
  static constexpr size_t kEnd = 5000;

  struct Block {
    unsigned char* start;
    size_t size;
    unsigned char fill;
  };

  static bool all(const unsigned char* bytes, size_t count, unsigned char fill) {
    return std::all_of(bytes, bytes + count, [fill](unsigned char byte) { return byte == fill; });
  }
  static bool holds(const Block& block) {
    const size_t end = std::min(block.size, kEnd);
    return all(block.start, end, block.fill) &&
           all(block.start + block.size - end, end, block.fill);
  }
  static void write(const Block& block) {
    const size_t end = std::min(block.size, kEnd);
    memset(block.start, block.fill, end);
    memset(block.start + block.size - end, block.fill, end);
  }

  void add(unsigned char* start, size_t size, size_t align) {
    if (start == nullptr) {
      nulls_ += 1;
      return;
    }
    is_right_ &= reinterpret_cast<uintptr_t>(start) % align == 0;
    next_fill_ = next_fill_ * 5 + 3;
    blocks_.push_back({start, size, static_cast<unsigned char>(next_fill_ % 251 + 1)});
    write(blocks_.back());
  }

  Source& source_;
  unsigned next_fill_;
  std::vector<Block> blocks_;
  size_t nulls_ = 0;
  bool is_right_ = true;
};

}  // namespace talc
