// HotBlocks: the middle blocks that a thread freed last, one for each range of sizes, for the next
// request of such a size: a program that reads a file into a fresh buffer each time needs one.
//
//   range   (32, 40] KiB | (40, 48] | (48, 56] | (56, 64] | (64, 80] | … | (448, 512] KiB
//           block, size  |    –     |    –     |    –     |    –     | …
//
// A block serves a request that leaves at most an eighth of it unused. All of them together are at
// most kMaxBytes a thread. Only the owning thread changes them; others look, for statistics, hence
// the relaxed atomics. What a block is, and whether it may be kept, is the process heap's matter.
#pragma once

#include <atomic>

#include "talc/front/size_classes.hpp"

namespace talc {

class HotBlocks {
 public:
  static constexpr size_t kMaxSize = size_t{512} << 10;
  static constexpr size_t kMaxBytes = size_t{1} << 20;
  static constexpr unsigned kCount = 16;

  struct Block {
    std::atomic<void*> ptr{nullptr};
    std::atomic<size_t> size_bytes{0};
  };

  // Returns a block for `size` bytes and how large it is, or null.
  void* take(size_t size, size_t& size_bytes) {
    if (size <= SizeClasses::kMaxSize || size > kMaxSize) {
      return nullptr;
    }
    Block& block = blocks_[range_of(size)];
    size_bytes = block.size_bytes.load(std::memory_order_relaxed);
    if (block.ptr.load(std::memory_order_relaxed) == nullptr || size_bytes < size ||
        size_bytes - size > size_bytes / 8) {
      return nullptr;
    }
    return remove(block);
  }

  // Keeps a block, if there is room for it.
  bool put(void* ptr, size_t size_bytes) {
    if (size_bytes <= SizeClasses::kMaxSize || size_bytes > kMaxSize ||
        held_bytes_ + size_bytes > kMaxBytes) {
      return false;
    }
    Block& block = blocks_[range_of(size_bytes)];
    if (block.ptr.load(std::memory_order_relaxed) != nullptr) {
      return false;
    }
    held_bytes_ += size_bytes;
    block.size_bytes.store(size_bytes, std::memory_order_relaxed);
    block.ptr.store(ptr, std::memory_order_release);
    return true;
  }

  // Takes them all: f(ptr, size_bytes).
  template <class F>
  void empty(F f) {
    for (Block& block : blocks_) {
      const size_t size_bytes = block.size_bytes.load(std::memory_order_relaxed);
      if (block.ptr.load(std::memory_order_relaxed) != nullptr) {
        f(remove(block), size_bytes);
      }
    }
  }

  // How many there are, and their bytes.
  void add_to(size_t& count, size_t& bytes) const {
    for (const Block& block : blocks_) {
      if (block.ptr.load(std::memory_order_acquire) != nullptr) {
        count += 1;
        bytes += block.size_bytes.load(std::memory_order_relaxed);
      }
    }
  }

 private:
  void* remove(Block& block) {
    // In this order: a fork may copy the state between any two of these, and a size is only looked
    // at where there is a block.
    void* const ptr = block.ptr.load(std::memory_order_relaxed);
    block.ptr.store(nullptr, std::memory_order_relaxed);
    held_bytes_ -= block.size_bytes.load(std::memory_order_relaxed);
    return ptr;
  }

  // Four ranges per power of two, as above 128 bytes.
  static unsigned range_of(size_t size) {
    const unsigned log2 = floor_log2(size - 1);
    return (log2 - kFirstLog2) * 4 + static_cast<unsigned>((size - 1) >> (log2 - 2)) % 4;
  }
  static constexpr unsigned kFirstLog2 = 15;
  static_assert(size_t{1} << kFirstLog2 == SizeClasses::kMaxSize);

  Block blocks_[kCount];
  size_t held_bytes_ = 0;
};

}  // namespace talc
