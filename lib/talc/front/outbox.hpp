// Outbox: the blocks of other arenas that a thread has freed, on their way home together: one lock
// for many blocks, and no shared line written for each.
//
//   | block, size | block, size | …                 |   full at kSlots or limit()
//
// Small blocks, and middle ones of up to kMaxSize; larger ones are rare, and go home one by one.
// Only the owning thread posts and removes; others look, for statistics, hence the relaxed atomics.
// ThreadCache has one; SmallBlocks empties it.
#pragma once

#include <atomic>

#include "talc/base/word.hpp"

namespace talc {

class Outbox {
 public:
  static constexpr unsigned kSlots = 256;
  static constexpr size_t kLeastBytes = size_t{2} << 10;
  static constexpr size_t kMaxBytes = size_t{128} << 10;
  static constexpr size_t kMaxSize = size_t{32} << 10;

  // Requires: it is not full; size_bytes ≤ kMaxSize. Returns whether it is full now.
  bool post(void* block, size_t size_bytes) {
    const unsigned count = count_.load(std::memory_order_relaxed);
    set(count, block, size_bytes);
    count_.store(count + 1, std::memory_order_release);
    bytes_ += size_bytes;
    return is_full();
  }

  bool is_full() const { return count() == kSlots || bytes_ >= limit_; }

  bool was_posted_last(const void* block) const {
    const unsigned number = count();
    return number != 0 && this->block(number - 1) == block;
  }

  // The bytes at which it is full.
  size_t limit() const { return limit_; }
  // Requires: kLeastBytes ≤ limit ≤ kMaxBytes.
  void set_limit(size_t limit) { limit_ = limit; }

  unsigned count() const { return count_.load(std::memory_order_acquire); }
  // Requires: index < count().
  void* block(unsigned index) const { return blocks_[index].load(std::memory_order_relaxed); }
  size_t size_bytes(unsigned index) const { return sizes_[index].load(std::memory_order_relaxed); }

  // Removes those for which f(block, size_bytes) is true; the others stay, in order.
  template <class F>
  void remove_if(F f) {
    const unsigned number = count();
    unsigned kept = 0;
    size_t kept_bytes = 0;
    for (unsigned i = 0; i < number; ++i) {
      void* const block = this->block(i);
      const size_t size_bytes = this->size_bytes(i);
      if (!f(block, size_bytes)) {
        set(kept++, block, size_bytes);
        kept_bytes += size_bytes;
      }
    }
    count_.store(kept, std::memory_order_relaxed);
    bytes_ = kept_bytes;
  }

 private:
  void set(unsigned index, void* block, size_t size_bytes) {
    blocks_[index].store(block, std::memory_order_relaxed);
    sizes_[index].store(static_cast<uint32_t>(size_bytes), std::memory_order_relaxed);
  }

  std::atomic<unsigned> count_{0};
  size_t bytes_ = 0;
  size_t limit_ = kLeastBytes;
  std::atomic<void*> blocks_[kSlots] = {};
  std::atomic<uint32_t> sizes_[kSlots] = {};
};

}  // namespace talc
