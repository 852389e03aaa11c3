// Threads share a Talck: each fills its blocks with a pattern of its own and finds it again, while
// all of them allocate, free and reallocate, small and large. Run under TSan as well.
#include <gtest/gtest.h>
#include <string.h>

#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include "talc/oom/err_on_oom.hpp"
#include "talc/os/pthread_lock.hpp"
#include "talc/sync/spin_lock.hpp"
#include "talc/sync/talck.hpp"

namespace talc {
namespace {

constexpr unsigned kThreads = 4;
constexpr unsigned kSteps = 3000;
constexpr size_t kArenaBytes = size_t{8} << 20;
constexpr size_t kMaxBlocks = 40;

struct Block {
  unsigned char* bytes;
  size_t size;
  size_t align;
  unsigned char pattern;

  void fill() const { memset(bytes, pattern, size); }

  // Looks at every byte of small blocks and at the ends and a sample of large ones.
  bool is_intact(size_t known_bytes) const {
    const size_t step = known_bytes < 4096 ? 1 : 61;
    for (size_t i = 0; i < known_bytes; i += step) {
      if (bytes[i] != pattern) {
        return false;
      }
    }
    return known_bytes == 0 || bytes[known_bytes - 1] == pattern;
  }
};

// One thread's work. It ends with everything freed.
template <class TalckType>
class Worker {
 public:
  Worker(TalckType& talck, unsigned index) : talck_(talck), random_(1000 + index), index_(index) {}

  void run() {
    for (unsigned step = 0; step < kSteps; ++step) {
      const unsigned action = random_() % 8;
      if (blocks_.empty() || (action < 3 && blocks_.size() < kMaxBlocks)) {
        allocate();
      } else if (action < 5) {
        free(random_() % blocks_.size());
      } else {
        reallocate(blocks_[random_() % blocks_.size()]);
      }
    }
    while (!blocks_.empty()) {
      free(blocks_.size() - 1);
    }
  }

  size_t corrupted() const { return corrupted_; }
  size_t moved_large() const { return moved_large_; }

 private:
  // Mostly small, now and then above the size that Talck copies without the lock.
  size_t random_size() {
    return random_() % 16 == 0 ? 70000 + random_() % 60000 : random_() % 2000;
  }

  void check(const Block& block, size_t known_bytes) {
    corrupted_ += block.is_intact(known_bytes) ? 0 : 1;
    corrupted_ += reinterpret_cast<size_t>(block.bytes) % block.align == 0 ? 0 : 1;
  }

  void allocate() {
    Block block{nullptr, random_size(), size_t{1} << random_() % 9,
                static_cast<unsigned char>(index_ * 50 + random_() % 50)};
    block.bytes = static_cast<unsigned char*>(talck_.malloc(block.size, block.align));
    if (block.bytes != nullptr) {
      block.fill();
      check(block, block.size);
      blocks_.push_back(block);
    }
  }

  void free(size_t which) {
    const Block block = blocks_[which];
    check(block, block.size);
    blocks_[which] = blocks_.back();
    blocks_.pop_back();
    talck_.free(block.bytes, block.size);
  }

  void reallocate(Block& block) {
    const size_t new_size = random_size();
    void* const moved = talck_.realloc(block.bytes, block.size, new_size, block.align);
    if (moved == nullptr) {
      check(block, block.size);
      return;
    }
    const size_t kept = block.size < new_size ? block.size : new_size;
    moved_large_ += moved != block.bytes && kept > TalckType::kMaxBytesCopiedUnderLock ? 1 : 0;
    block.bytes = static_cast<unsigned char*>(moved);
    block.size = new_size;
    check(block, kept);
    block.fill();
  }

  TalckType& talck_;
  std::minstd_rand random_;
  unsigned index_;
  std::vector<Block> blocks_;
  size_t corrupted_ = 0;
  size_t moved_large_ = 0;
};

template <class Lock>
class TalckThreads : public testing::Test {};

using Locks = testing::Types<SpinLock, PthreadLock, std::mutex>;
TYPED_TEST_SUITE(TalckThreads, Locks);

TYPED_TEST(TalckThreads, KeepEachOthersBlocks) {
  // Invariants are checked at the end instead: a heap walk at each of these steps takes minutes.
  using CountingTalc = Talc<ErrOnOom, Config{.counters = true, .validate = false}>;
  std::vector<char> memory(kArenaBytes);
  auto talck = CountingTalc().lock<TypeParam>();
  talck.lock()->claim(Span::from_slice(memory.data(), memory.size()));

  std::vector<Worker<decltype(talck)>> workers;
  for (unsigned i = 0; i < kThreads; ++i) {
    workers.emplace_back(talck, i);
  }
  std::vector<std::thread> threads;
  for (auto& worker : workers) {
    threads.emplace_back([&worker] { worker.run(); });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }

  size_t moved_large = 0;
  for (const auto& worker : workers) {
    EXPECT_EQ(worker.corrupted(), 0U);
    moved_large += worker.moved_large();
  }
  EXPECT_GT(moved_large, 0U) << "the copy without the lock was not exercised";
  EXPECT_EQ(talck.get_counters().live_allocations, 0U);
  EXPECT_EQ(talck.get_counters().live_bytes, 0U);
  EXPECT_GT(talck.get_counters().total_allocations, kThreads * kSteps / 8);
  EXPECT_EQ(talck.lock()->find_fault(), nullptr);
}

}  // namespace
}  // namespace talc
