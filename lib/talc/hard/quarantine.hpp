// Quarantine: where freed blocks wait, so that a pointer to one is not soon a pointer to another.
//
//   in ──> | 128 blocks, first in first out | ──> | 128 blocks, any of them leaves | ──> out
//
// The first part says for how long a block waits at least, the second that nobody knows when it comes
// back (both after hardened_malloc). There are kShards of these, and a thread uses the one that its
// address chooses, or the next that is not busy: no call waits, so a fork or a signal handler can't
// hang here; in a forked child what was busy stays so, with what it holds. At most kMaxBytes wait, in
// blocks of kMaxBlock at most. Used by HardenedHeap.
#pragma once

#include <atomic>

#include "talc/base/memory.hpp"
#include "talc/base/scatter.hpp"
#include "talc/front/add_alone.hpp"
#include "talc/os/pages.hpp"

namespace talc {

class Quarantine {
 public:
  static constexpr size_t kShards = 8;
  static constexpr size_t kDepth = 128;  // of each part
  static constexpr size_t kMaxBlock = size_t{16} << 10;
  static constexpr size_t kMaxBytes = kShards * 2 * kDepth * kMaxBlock;

  struct Entry {
    void* ptr = nullptr;
    size_t usable = 0;
  };

  constexpr Quarantine() = default;

  // Puts a block in, and returns the one that leaves for it: none while there is room; the same one
  // if it is too large, or all shards are busy.
  Entry exchange(Entry block) {
    if (block.usable > kMaxBlock) {
      return block;
    }
    const size_t first = first_shard();
    for (size_t i = 0; i < kShards; ++i) {
      Shard& shard = shards_[(first + i) % kShards];
      if (shard.is_busy.exchange(1, std::memory_order_acquire) == 0) {
        const Entry leaves = shard.exchange(block);
        shard.is_busy.store(0, std::memory_order_release);
        return leaves;
      }
    }
    return block;
  }

  // Takes out all that wait: f(Entry).
  template <class F>
  void empty(F f) {
    for (Shard& shard : shards_) {
      if (shard.is_busy.exchange(1, std::memory_order_acquire) == 0) {
        shard.empty(f);
        shard.is_busy.store(0, std::memory_order_release);
      }
    }
  }

  // Blocks that wait, and their bytes.
  size_t count() const {
    return sum([](const Shard& shard) { return shard.count.load(std::memory_order_relaxed); });
  }
  size_t bytes() const {
    return sum([](const Shard& shard) { return shard.bytes.load(std::memory_order_relaxed); });
  }

 private:
  struct alignas(64) Shard {
    std::atomic<unsigned> is_busy{0};  // a word: processors may have no exchange of a byte
    std::atomic<size_t> count{0};
    std::atomic<size_t> bytes{0};
    size_t random = 0;
    size_t next = 0;
    Entry in_order[kDepth];
    Entry at_random[kDepth];

    Entry exchange(Entry block) {
      add(1, block.usable);
      swap(in_order[next % kDepth], block);
      next += 1;
      if (block.ptr != nullptr) {
        random = random == 0 ? Pages::secret() ^ address_of(this) : random;
        swap(at_random[draw_below(kDepth, random)], block);
      }
      if (block.ptr != nullptr) {
        add(~size_t{0}, 0 - block.usable);
      }
      return block;
    }

    template <class F>
    void empty(F f) {
      for (Entry* const part : {in_order, at_random}) {
        for (size_t i = 0; i < kDepth; ++i) {
          Entry block;
          swap(part[i], block);
          if (block.ptr != nullptr) {
            add(~size_t{0}, 0 - block.usable);
            f(block);
          }
        }
      }
    }

    void add(size_t blocks, size_t block_bytes) {
      add_alone(count, blocks);
      add_alone(bytes, block_bytes);
    }

    static void swap(Entry& a, Entry& b) {
      const Entry held = a;
      a = b;
      b = held;
    }
  };

  // Threads have their stacks at different pages.
  static size_t first_shard() {
    const char here = 0;
    return scatter(address_of(&here) >> 16) >> (kWordBits - 8);
  }

  template <class F>
  size_t sum(F f) const {
    size_t total = 0;
    for (const Shard& shard : shards_) {
      total += f(shard);
    }
    return total;
  }

  Shard shards_[kShards];
};

}  // namespace talc
