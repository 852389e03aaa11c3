// HotBlocks: the middle blocks that a thread freed last, by classes of sizes, for the next requests of
// such a size: a program that reads files into fresh buffers needs one or two.
//
//   class      8¼ KiB | 8½ KiB | 8¾ KiB | … | 16 KiB | 16½ KiB | …     32 per power of two
//   newest_      3    |   1    |   –    |   |   –    |    5    |       the place of its newest block
//   places       1  –>  |  2 –> 4 |   ...                              next_: the one before, or a free one
//
// Blocks are allocated with the size of their class, so each of a class serves all of its requests, and so
// do those of the three classes above: at most an eighth is left unused. (For an alignment of more than 16
// only the newest of each are looked at.) All of them together are at most limit() bytes, which whoever
// owns the caches sets, and kPlaces. Whose arena a block is of does not matter here: what one thread
// allocates and another frees serves that one's next request. Only the owning thread changes them; others
// look, for statistics, hence the relaxed atomics. What a block is, and whether it may be kept, is the
// process heap's matter.
#pragma once

#include <atomic>

#include "talc/front/add_alone.hpp"
#include "talc/front/size_classes.hpp"

namespace talc {

class HotBlocks {
 public:
  static constexpr unsigned kMaxLog2 = kWordBits == 64 ? 19 : 18;
  static constexpr size_t kMinSize = SizeClasses::kMaxSize + 1;
  static constexpr size_t kMaxSize = size_t{1} << kMaxLog2;
  static constexpr size_t kMaxBytes = size_t{2} << 20;
  static constexpr unsigned kPlaces = 255;

  // The bytes that a block for `size` is to have.
  static constexpr size_t class_size(size_t size) {
    if (!serves(size)) {
      return size;
    }
    return align_up(size, size_t{1} << (floor_log2(size - 1) - kPerDoublingLog2));
  }

  // Returns a block for `size` bytes and how large it is, or null.
  void* take(size_t size, size_t& size_bytes) {
    return take_newest(size, size_bytes, [](uint8_t) { return true; });
  }

  // The same, aligned to `align`. Looks at the newest block of each class only: what is asked for again and
  // again with one alignment finds what it gave back.
  void* take_aligned(size_t size, size_t align, size_t& size_bytes) {
    return take_newest(size, size_bytes, [=, this](uint8_t place) {
      return is_aligned(ptrs_[place].load(std::memory_order_relaxed), align);
    });
  }

  // Keeps a block, if there is room for it. Requires: `size_bytes` is a multiple of two words. Inlined, as
  // remove() is, although it is called at two places: at one of them by every free of such a block.
  [[gnu::always_inline]] bool put(void* ptr, size_t size_bytes) {
    if (!may_serve(size_bytes) || bytes() + size_bytes > limit_) {
      return false;
    }
    uint8_t place = free_;
    if (place != 0) {
      free_ = next_[place];
    } else if (used_ < kPlaces) {
      place = ++used_;
    } else {
      return false;
    }
    uint8_t& newest = newest_[class_of(size_bytes + 1) - 1];
    next_[place] = newest;
    newest = place;
    ptrs_[place].store(ptr, std::memory_order_relaxed);
    units_[place].store(static_cast<uint16_t>(size_bytes / kUnit), std::memory_order_release);
    add_alone(bytes_, size_bytes);
    return true;
  }

  // Takes them all: f(ptr, size_bytes).
  template <class F>
  void empty(F f) {
    for (uint8_t& newest : newest_) {
      while (newest != 0) {
        size_t size_bytes = 0;
        void* const ptr = remove(newest, size_bytes);
        f(ptr, size_bytes);
      }
    }
  }

  // Whether a larger limit would let it keep a block of that size.
  bool needs_more_for(size_t size_bytes) const {
    return may_serve(size_bytes) && bytes() + size_bytes > limit_ && limit_ < kMaxBytes;
  }
  size_t limit() const { return limit_; }
  // Requires: limit ≤ kMaxBytes.
  void set_limit(size_t limit) { limit_ = limit; }

  // The bytes of all.
  size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  // f(ptr, size_bytes) for each. For any thread: what it sees while the owner works may be of another
  // moment.
  template <class F>
  void for_each(F f) const {
    for (unsigned place = 1; place <= kPlaces; ++place) {
      const size_t units = units_[place].load(std::memory_order_acquire);
      if (units != 0) {
        f(ptrs_[place].load(std::memory_order_relaxed), units * kUnit);
      }
    }
  }

 private:
  static constexpr size_t kUnit = 2 * kWordSize;
  static_assert(kMaxSize / kUnit < 1U << 16);

  // The newest of the class, or of those above it, whose place will do: will_do(place).
  template <class WillDo>
  [[gnu::always_inline]] void* take_newest(size_t size, size_t& size_bytes, WillDo will_do) {
    if (!serves(size)) {
      return nullptr;
    }
    uint8_t* const links = newest_ + class_of(size);
    for (unsigned above = 0; above < kLooks; ++above) {
      if (links[above] != 0 && will_do(links[above])) {
        return remove(links[above], size_bytes);
      }
    }
    return nullptr;
  }

  // 0 where there is none.
  size_t size_at(unsigned place) const {
    return size_t{units_[place].load(std::memory_order_relaxed)} * kUnit;
  }

  // The one whose place is in `link`.
  [[gnu::always_inline]] void* remove(uint8_t& link, size_t& size_bytes) {
    const uint8_t place = link;
    size_bytes = size_at(place);
    link = next_[place];
    next_[place] = free_;
    free_ = place;
    units_[place].store(0, std::memory_order_relaxed);
    add_alone(bytes_, size_t{0} - size_bytes);
    return ptrs_[place].load(std::memory_order_relaxed);
  }

  static constexpr bool serves(size_t size) { return size - kMinSize <= kMaxSize - kMinSize; }
  // Whether a block of that size serves all requests of some class.
  static constexpr bool may_serve(size_t size_bytes) {
    return size_bytes - kLeastClass <= kMaxSize + kRoundedUp - kLeastClass;
  }
  // What blocks may have more than their class, so that with their two words they are a multiple of 16:
  // nothing where words have 64 bits.
  static constexpr size_t kRoundedUp = SizeClasses::kStep - kUnit;

  static constexpr unsigned kPerDoublingLog2 = 5;
  static constexpr unsigned kFirstLog2 = 13;
  static constexpr size_t kLeastClass =
      (size_t{1} << kFirstLog2) + (size_t{1} << (kFirstLog2 - kPerDoublingLog2));
  static_assert(size_t{1} << kFirstLog2 == kMinSize - 1);

  // The class whose blocks serve `size`. Requires: serves(size), or size is kMaxSize + 1.
  static constexpr unsigned class_of(size_t size) {
    const unsigned log2 = floor_log2(size - 1);
    return (log2 << kPerDoublingLog2) +
           static_cast<unsigned>((size - 1) >> (log2 - kPerDoublingLog2)) -
           ((kFirstLog2 + 1) << kPerDoublingLog2);
  }

  // A request looks into its own class and those above it; the last ones are always empty.
  static constexpr unsigned kLooks = 4;
  static constexpr unsigned kClasses = ((kMaxLog2 - kFirstLog2) << kPerDoublingLog2) + kLooks - 1;
  static_assert(kPlaces <= 255, "a place is a byte; 0 is none");

  std::atomic<size_t> bytes_{0};
  size_t limit_ = 0;
  uint8_t used_ = 0;  // the places above were never used
  uint8_t free_ = 0;
  uint8_t newest_[kClasses] = {};
  uint8_t next_[1 + kPlaces] = {};
  std::atomic<uint16_t> units_[1 + kPlaces] = {};
  std::atomic<void*> ptrs_[1 + kPlaces] = {};
};

}  // namespace talc
