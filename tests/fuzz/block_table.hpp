// BlockTable: the live blocks of a fuzzed allocator, by address, and what each must contain.
//
// It allocates nothing, so that it can watch malloc itself. A block holds a stretch of one long row
// of bytes, and which one is told by its mark: what lies where it does not belong is noticed.
#pragma once

#include <string.h>

#include "require.hpp"
#include "talc/base/memory.hpp"

namespace fuzz {

struct Block {
  char* base = nullptr;
  size_t bytes = 0;  // that are the program's, all of which it writes
  size_t align = 1;
  size_t offset = 0;  // base + offset is what is aligned
  size_t mark = 0;    // which bytes

  // Blocks of 0 bytes have an address of their own, too.
  char* acme() const { return base + (bytes == 0 ? 1 : bytes); }
};

// What blocks contain. The row repeats itself, in the end, but not where chunks or pages begin.
class Contents {
 public:
  Contents() {
    uint32_t state = 1;
    for (unsigned char& byte : row_) {
      state = state * 1664525 + 1013904223;
      byte = static_cast<unsigned char>(state >> 24);
    }
  }

  void write(const Block& block, size_t from) const {
    for_each_stretch(block, from, block.bytes, [](char* at, const unsigned char* row, size_t size) {
      memcpy(at, row, size);
    });
  }

  // Requires the first `size` bytes to be as they were written.
  void require_kept(const Block& block, size_t size) const {
    for_each_stretch(block, 0, size, [](char* at, const unsigned char* row, size_t bytes) {
      require(memcmp(at, row, bytes) == 0, "a block's contents are lost");
    });
  }

 private:
  static constexpr size_t kPeriod = 65521;
  static constexpr size_t kMarks = 256;

  template <class F>
  void for_each_stretch(const Block& block, size_t from, size_t to, F f) const {
    while (from < to) {
      const size_t room = kPeriod - from % kPeriod;
      const size_t size = to - from < room ? to - from : room;
      f(block.base + from, row_ + block.mark % kMarks + from % kPeriod, size);
      from += size;
    }
  }

  unsigned char row_[kPeriod + kMarks];
};

inline const Contents contents;

class BlockTable {
 public:
  static constexpr size_t kCapacity = 2048;

  size_t count() const { return count_; }
  bool is_full() const { return count_ == kCapacity; }
  size_t bytes() const { return bytes_; }
  const Block& operator[](size_t index) const { return blocks_[index]; }

  // The index of the lowest block that begins at `address` or above; count() if there is none.
  size_t first_from(const char* address) const {
    size_t low = 0;
    size_t high = count_;
    while (low < high) {
      const size_t middle = (low + high) / 2;
      if (blocks_[middle].base < address) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  // Takes a new or a changed block in, of whose contents `kept_bytes` must be there, and writes the
  // rest. Requires: there is room.
  void add(Block block, size_t kept_bytes) {
    require(talc::is_aligned(block.base + block.offset, block.align), "a block is misaligned");
    const size_t index = first_from(block.base);
    require(index == count_ || block.acme() <= blocks_[index].base, "two blocks overlap");
    require(index == 0 || blocks_[index - 1].acme() <= block.base, "two blocks overlap");
    contents.require_kept(block, kept_bytes);
    contents.write(block, kept_bytes);
    memmove(blocks_ + index + 1, blocks_ + index, (count_ - index) * sizeof(Block));
    blocks_[index] = block;
    count_ += 1;
    bytes_ += block.bytes;
  }

  // Takes a block out, whose contents must be there. Requires: index < count().
  Block take(size_t index) {
    const Block block = blocks_[index];
    contents.require_kept(block, block.bytes);
    count_ -= 1;
    bytes_ -= block.bytes;
    memmove(blocks_ + index, blocks_ + index + 1, (count_ - index) * sizeof(Block));
    return block;
  }

  size_t next_mark() { return next_mark_++; }

  void clear() {
    count_ = 0;
    bytes_ = 0;
    next_mark_ = 0;
  }

 private:
  Block blocks_[kCapacity];
  size_t count_ = 0;
  size_t bytes_ = 0;
  size_t next_mark_ = 0;
};

}  // namespace fuzz
