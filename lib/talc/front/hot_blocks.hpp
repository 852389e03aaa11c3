// HotBlocks: the middle blocks that a thread freed last, a few of each range of sizes, for the next
// requests of such a size: a program that reads files into fresh buffers needs one or two.
//
//   range      [8, 8½) KiB | [8½, 9) | … | [15½, 16) | [16, 17) | …     sixteen per power of two
//   its blocks    ▪ ▪ ▪    |    ▪    |   |     –     |   ▪ ▪    |       newest last, up to kDepth
//
// A request looks at the newest block of its own range, which may be too small, and at that of the
// next one, which is not, and leaves at most an eighth unused. All of them together are at most
// kMaxBytes a thread. Whose arena a block is of does not matter here: what one thread allocates and
// another frees serves that one's next request. Only the owning thread changes them; others look, for
// statistics, hence the relaxed atomics. What a block is, and whether it may be kept, is the process
// heap's matter.
#pragma once

#include <atomic>

#include "talc/front/size_classes.hpp"

namespace talc {

class HotBlocks {
 public:
  static constexpr unsigned kMaxLog2 = kWordBits == 64 ? 19 : 18;
  static constexpr size_t kMinSize = SizeClasses::kMaxSize + 1;
  static constexpr size_t kMaxSize = size_t{1} << kMaxLog2;
  static constexpr size_t kMaxBytes = size_t{1} << 20;
  static constexpr unsigned kDepth = 8;

  // Returns a block for `size` bytes and how large it is, or null.
  void* take(size_t size, size_t& size_bytes) {
    if (!serves(size)) {
      return nullptr;
    }
    Range* range = &ranges_[range_of(size)];
    unsigned count = range->count.load(std::memory_order_relaxed);
    if (count == 0 || range->size_at(count - 1) < size) {
      range += 1;
      count = range->count.load(std::memory_order_relaxed);
      if (count == 0) {
        return nullptr;
      }
    }
    size_bytes = range->size_at(count - 1);
    return remove(*range);
  }

  // Keeps a block, if there is room for it. Requires: `size_bytes` is a multiple of two words.
  bool put(void* ptr, size_t size_bytes) {
    if (!serves(size_bytes) || bytes() + size_bytes > kMaxBytes) {
      return false;
    }
    Range& range = ranges_[range_of(size_bytes)];
    const unsigned count = range.count.load(std::memory_order_relaxed);
    if (count == kDepth) {
      return false;
    }
    range.ptrs[count].store(ptr, std::memory_order_relaxed);
    range.units[count].store(static_cast<uint16_t>(size_bytes / kUnit), std::memory_order_relaxed);
    range.count.store(count + 1, std::memory_order_release);
    add(size_bytes);
    return true;
  }

  // Takes them all: f(ptr, size_bytes).
  template <class F>
  void empty(F f) {
    for (Range& range : ranges_) {
      while (const unsigned count = range.count.load(std::memory_order_relaxed)) {
        const size_t size_bytes = range.size_at(count - 1);
        f(remove(range), size_bytes);
      }
    }
  }

  // The bytes of all.
  size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  // f(ptr, size_bytes) for each. For any thread: what it sees while the owner works may be of another
  // moment.
  template <class F>
  void for_each(F f) const {
    for (const Range& range : ranges_) {
      for (unsigned i = range.count.load(std::memory_order_acquire); i > 0; --i) {
        f(range.ptrs[i - 1].load(std::memory_order_relaxed), range.size_at(i - 1));
      }
    }
  }

 private:
  static constexpr size_t kUnit = 2 * kWordSize;
  static_assert(kMaxSize / kUnit < 1U << 16);

  struct Range {
    std::atomic<uint32_t> count{0};
    std::atomic<uint16_t> units[kDepth] = {};
    std::atomic<void*> ptrs[kDepth] = {};

    size_t size_at(unsigned index) const {
      return size_t{units[index].load(std::memory_order_relaxed)} * kUnit;
    }
  };

  // The newest one. A fork copies it as there or as gone.
  void* remove(Range& range) {
    const unsigned last = range.count.load(std::memory_order_relaxed) - 1;
    add(size_t{0} - range.size_at(last));
    range.count.store(last, std::memory_order_relaxed);
    return range.ptrs[last].load(std::memory_order_relaxed);
  }

  void add(size_t bytes) {
    bytes_.store(bytes_.load(std::memory_order_relaxed) + bytes, std::memory_order_relaxed);
  }

  static constexpr bool serves(size_t size) { return size - kMinSize <= kMaxSize - kMinSize; }

  static constexpr unsigned kPerDoublingLog2 = 4;
  static constexpr unsigned range_of(size_t size) {
    const unsigned log2 = floor_log2(size);
    return ((log2 - kFirstLog2) << kPerDoublingLog2) +
           static_cast<unsigned>(size >> (log2 - kPerDoublingLog2)) % (1U << kPerDoublingLog2);
  }
  static constexpr unsigned kFirstLog2 = 13;
  static_assert(size_t{1} << kFirstLog2 < kMinSize);

  // The last one but one is for kMaxSize itself; the last one is always empty.
  Range ranges_[((kMaxLog2 - kFirstLog2) << kPerDoublingLog2) + 2];
  std::atomic<size_t> bytes_{0};
};

}  // namespace talc
