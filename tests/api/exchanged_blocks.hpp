// Threads that release one another's blocks of every size class, and middle ones, of which the smaller
// travel together with small ones. Contents are verified.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <random>
#include <utility>
#include <vector>

#include "api/process_blocks.hpp"
#include "support/sanitizers.hpp"
#include "support/threads.hpp"

namespace talc {

class ExchangedBlocks {
 public:
  // Each thread allocates so many blocks of each class, puts each into somebody's box, and releases one out
  // of a full box.
  void run() {
    run_threads(kThreads, [this](unsigned me) {
      std::mt19937 random(me);
      for (unsigned i = 0; i < kRounds * SizeClasses::kCount; ++i) {
        const Block block = allocate(size_in_turn(i, random), static_cast<unsigned char>(random()));
        release_and_note(boxes_[random() % kThreads].swap(block, random));
      }
    });
    for (Box& box : boxes_) {
      for (const Block& block : box.blocks) {
        broken_ += !release(block);
      }
    }
  }

  void expect_whole() const { EXPECT_EQ(broken_, 0U); }

  // Of each class that serves any size at the moment, a block was released by a thread of another arena. (Its
  // slot may be of a coarser class, which had some left.)
  void expect_each_class_was_posted() const {
    for (unsigned i = 0; i < SizeClasses::kCount; ++i) {
      const size_t size = SizeClasses::size_of(i);
      EXPECT_TRUE(is_posted_[ClassMap<Pages>::class_of(size)]) << size << " bytes";
    }
  }

 private:
  static constexpr unsigned kThreads = 6;
  static constexpr unsigned kRounds = kUnderSanitizer ? 20 : 120;

  struct Box {
    // Returns a block once there are many, else none.
    Block swap(const Block& block, std::mt19937& random) {
      const std::lock_guard guard(mutex);
      blocks.push_back(block);
      std::swap(blocks[random() % blocks.size()], blocks.back());
      if (blocks.size() <= kMost) {
        return {};
      }
      const Block out = blocks.back();
      blocks.pop_back();
      return out;
    }

    static constexpr size_t kMost = 300;
    std::mutex mutex;
    std::vector<Block> blocks;
  };

  static size_t size_in_turn(unsigned i, std::mt19937& random) {
    return random() % 8 == 0 ? SizeClasses::kMaxSize + random() % (2 * Outbox::kMaxSize)
                             : SizeClasses::size_of(i % SizeClasses::kCount) - random() % 16;
  }

  void release_and_note(const Block& block) {
    if (block.bytes == nullptr) {
      return;
    }
    const PageEntry entry = PageMap<Pages>::get(block.bytes);
    if (entry.is_small() && entry.owner() != CurrentCache<Pages>::get().arena()) {
      is_posted_[ClassMap<Pages>::class_of(block.size)] = true;
    }
    broken_ += !release(block);
  }

  Box boxes_[kThreads];
  std::atomic<unsigned> broken_{0};
  std::atomic<bool> is_posted_[SizeClasses::kCount] = {};
};

}  // namespace talc
