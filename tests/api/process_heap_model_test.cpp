// A model of the process heap that several threads work on at once: a block has a number, which tells what it
// holds to the last byte, whoever has it; each byte is looked at whenever a block is resized, handed on or freed.
#include <gtest/gtest.h>
#include <string.h>

#include <algorithm>
#include <array>
#include <barrier>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "api/process_blocks.hpp"
#include "support/accounts.hpp"
#include "support/sanitizers.hpp"

namespace talc {
namespace {

// What a block of a number holds: for each stretch another place of one random text, so that no byte of it is
// where one of another block, or of another stretch, would be. In large steps: the sanitizers take their time
// for each single byte.
class Contents {
 public:
  static void write(unsigned number, unsigned char* bytes, size_t from, size_t to) {
    each_stretch(number, from, to, [&](size_t at, const unsigned char* text, size_t count) {
      memcpy(bytes + at, text, count);
      return true;
    });
  }
  static bool are_in(unsigned number, const unsigned char* bytes, size_t to) {
    return each_stretch(number, 0, to, [&](size_t at, const unsigned char* text, size_t count) {
      return memcmp(bytes + at, text, count) == 0;
    });
  }
  static bool are_zero(const unsigned char* bytes, size_t to) {
    return to == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, to - 1) == 0);
  }

 private:
  static constexpr size_t kStretch = 4096;
  using Text = std::array<unsigned char, 2 * kStretch>;

  static Text make_text() {
    Text text{};
    std::mt19937 random(1);
    std::generate(text.begin(), text.end(), [&] { return static_cast<unsigned char>(random()); });
    return text;
  }
  // Calls f(place in the block, what is to be there, its length) until it returns false.
  template <class F>
  static bool each_stretch(unsigned number, size_t from, size_t to, F f) {
    static const Text text = make_text();
    for (size_t at = from; at < to;) {
      const size_t count = std::min(to, at / kStretch * kStretch + kStretch) - at;
      const auto place = (number + at / kStretch) * 2654435761U % kStretch;
      if (!f(at, text.data() + place + at % kStretch, count)) {
        return false;
      }
      at += count;
    }
    return true;
  }
};

struct Numbered {
  unsigned char* bytes = nullptr;
  size_t size = 0;
  size_t align = 16;
  size_t usable = 0;
  unsigned number = 0;

  bool is_whole() const { return Contents::are_in(number, bytes, size); }
};

// Where one thread leaves a block for another, and takes what it finds.
struct Box {
  std::mutex mutex;
  Numbered block;
};
using Boxes = std::array<Box, 32>;

// The calls as the interposer makes them: by the fast paths where they serve, and at times without them.
class Caller {
 public:
  static void* allocate(size_t size, bool is_quick) {
    void* block = is_quick ? ProcessHeap::try_allocate(size) : nullptr;
    block = is_quick && block == nullptr ? ProcessHeap::try_allocate_hot(size) : block;
    return block == nullptr ? process_heap().allocate(size, kWordSize) : block;
  }
  static void* allocate_aligned(size_t size, size_t align, bool is_quick) {
    void* const block = is_quick ? ProcessHeap::try_allocate(size, align) : nullptr;
    return block == nullptr ? process_heap().allocate(size, align) : block;
  }
  static void* reallocate(void* block, size_t size, bool is_quick) {
    if (is_quick && ProcessHeap::may_stay(block, size)) {
      return block;
    }
    void* const moved = is_quick ? process_heap().move_pages(block, size) : nullptr;
    return moved == nullptr ? process_heap().reallocate(block, size) : moved;
  }
  static void release(void* block, bool is_quick) {
    if (is_quick && (ProcessHeap::try_release(block) || process_heap().try_release_near(block))) {
      return;
    }
    process_heap().release(block);
  }
};

// A thread of the model: a table of blocks, and what happens to them.
class Worker {
 public:
  Worker(Boxes& boxes, unsigned index) : boxes_(boxes), random_(index), next_number_(index << 24) {}

  // Ends early at the first fault.
  void work(int steps) {
    for (int i = 0; i < steps && fault_.empty(); ++i) {
      step();
    }
  }
  void drop_half() {
    for (size_t i = blocks_.size() / 2; i > 0; --i) {
      drop(below(blocks_.size()));
    }
  }
  void drop_all() {
    while (!blocks_.empty()) {
      drop(blocks_.size() - 1);
    }
  }
  const std::string& fault() const { return fault_; }
  size_t usable_bytes() const {
    size_t bytes = 0;
    for (const Numbered& block : blocks_) {
      bytes += block.usable;
    }
    return bytes;
  }

 private:
  static constexpr size_t kMostBlocks = 150;

  size_t below(size_t bound) { return random_() % bound; }
  bool one_in(size_t n) { return below(n) == 0; }

  void step() {
    if (one_in(kUnderSanitizer ? 400 : 2000)) {
      process_heap().trim(below(2 * kMiB));
    }
    const bool is_full = blocks_.size() >= kMostBlocks;
    const size_t kind = below(16);
    if (blocks_.empty() || (kind < 7 && !is_full)) {
      take(kind);
      return;
    }
    const size_t index = below(blocks_.size());
    if (kind < 10 && !is_full) {
      resize(index);
    } else if (kind < 13) {
      hand_over(index);
    } else {
      drop(index);
    }
  }

  size_t random_size() {
    const size_t kind = below(1000);
    const size_t limit = kind < 700   ? 1024
                         : kind < 900 ? SizeClasses::kMaxSize
                         : kind < 994 ? kMiB >> below(6)
                                      : 6 * kMiB;
    return below(limit);
  }
  // Beyond a MiB blocks are huge, however small they are.
  size_t random_align() { return one_in(16) ? 2 * kMiB << below(2) : size_t{8} << below(13); }

  void take(size_t kind) {
    Numbered block;
    block.size = random_size();
    block.number = ++next_number_;
    if (kind == 0) {
      block.align = random_align();
      block.bytes = bytes_of(Caller::allocate_aligned(block.size, block.align, one_in(2)));
    } else if (kind <= 2) {
      block.align = one_in(4) ? random_align() : block.align;
      block.bytes = bytes_of(process_heap().allocate_zeroed(block.size, block.align));
      expect(Contents::are_zero(block.bytes, block.size), "is not zero", block);
    } else {
      block.bytes = bytes_of(Caller::allocate(block.size, !one_in(4)));
    }
    Contents::write(block.number, block.bytes, 0, block.size);
    add(block);
  }

  void resize(size_t index) {
    Numbered block = blocks_[index];
    look_at(block);
    const size_t old_size = block.size;
    block.size = (one_in(2) ? random_size() : old_size + old_size / 4) + 1;
    block.align = 16;  // that is all that is promised from now on
    block.bytes = bytes_of(Caller::reallocate(block.bytes, block.size, one_in(2)));
    const size_t kept = std::min(old_size, block.size);
    expect(Contents::are_in(block.number, block.bytes, kept), "has lost something", block);
    Contents::write(block.number, block.bytes, kept, block.size);
    remove(index);
    add(block);
  }

  void hand_over(size_t index) {
    look_at(blocks_[index]);
    Box& box = boxes_[below(boxes_.size())];
    {
      const std::lock_guard guard(box.mutex);
      std::swap(box.block, blocks_[index]);
    }
    if (blocks_[index].bytes == nullptr) {
      remove(index);
    } else {
      look_at(blocks_[index]);
    }
  }

  void drop(size_t index) {
    const Numbered block = blocks_[index];
    look_at(block);
    remove(index);
    Caller::release(block.bytes, !one_in(4));
  }

  void add(Numbered block) {
    block.usable = process_heap().usable_size(block.bytes);
    blocks_.push_back(block);
    look_at(block);
  }
  void remove(size_t index) {
    blocks_[index] = blocks_.back();
    blocks_.pop_back();
  }

  void look_at(const Numbered& block) {
    expect(is_aligned(block.bytes, block.align), "is not aligned", block);
    expect(process_heap().owns(block.bytes), "is nobody's", block);
    expect(process_heap().usable_size(block.bytes) == block.usable, "changes its length", block);
    expect(block.usable >= block.size, "is too short", block);
    expect(block.is_whole(), "does not hold what was written", block);
  }
  void expect(bool is_right, const char* what, const Numbered& block) {
    if (!is_right && fault_.empty()) {
      fault_ = "block " + std::to_string(block.number) + " of " + std::to_string(block.size) +
               " bytes, aligned to " + std::to_string(block.align) + ", " + what;
    }
  }
  unsigned char* bytes_of(void* block) {
    EXPECT_NE(block, nullptr);
    return static_cast<unsigned char*>(block);
  }

  Boxes& boxes_;
  std::mt19937 random_;
  unsigned next_number_;
  std::vector<Numbered> blocks_;
  std::string fault_;
};

class ProcessHeapModelTest : public ProcessBlocksTest {
 protected:
  static constexpr unsigned kThreads = 4;
  static constexpr int kSteps = kUnderSanitizer ? 1000 : 20000;
  // Once with passes that callers make in between, once with one at each MiB that is freed.
  static constexpr std::array<long, 2> kPurgeDelays = {20, 0};

  ProcessHeapModelTest() {
    for (unsigned i = 0; i < kThreads; ++i) {
      workers_.emplace_back(boxes_, i + 1);
    }
  }
  ~ProcessHeapModelTest() override { settings.purge_delay_ms = Settings().purge_delay_ms.load(); }

  // Every worker does as many steps, frees half of what it has, and waits until the accounts were looked at.
  void live(Worker& worker) {
    for ([[maybe_unused]] const long delay : kPurgeDelays) {
      worker.work(kSteps);
      worker.drop_half();
      at_rest_.arrive_and_wait();
      may_go_on_.arrive_and_wait();
    }
    worker.drop_all();
  }
  void look_at_rest() {
    at_rest_.arrive_and_wait();
    size_t usable_bytes = 0;
    for (Box& box : boxes_) {
      usable_bytes += box.block.usable;
    }
    for (const Worker& worker : workers_) {
      usable_bytes += worker.usable_bytes();
      EXPECT_EQ(worker.fault(), "");
    }
    const Accounts accounts = take_accounts(process_heap());
    expect_accounts<Pages>(accounts);
    EXPECT_EQ(accounts.stats->allocated, before_.allocated + usable_bytes);
  }
  void empty_boxes() {
    for (Box& box : boxes_) {
      if (const Numbered block = std::exchange(box.block, {}); block.bytes != nullptr) {
        EXPECT_TRUE(block.is_whole());
        process_heap().release(block.bytes);
      }
    }
  }

  Boxes boxes_;
  std::vector<Worker> workers_;
  std::barrier<> at_rest_{kThreads + 1};
  std::barrier<> may_go_on_{kThreads + 1};
};

TEST_F(ProcessHeapModelTest, BlocksThatGoFromThreadToThreadHoldWhatWasWrittenToTheLastByte) {
  std::vector<std::thread> threads;
  settings.purge_delay_ms = kPurgeDelays[0];
  for (Worker& worker : workers_) {
    threads.emplace_back([&] { live(worker); });
  }
  for (const long next_delay : {kPurgeDelays[1], Settings().purge_delay_ms.load()}) {
    look_at_rest();
    settings.purge_delay_ms = next_delay;
    may_go_on_.arrive_and_wait();
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  empty_boxes();
  expect_accounts<Pages>(take_accounts(process_heap()));
  for (const Worker& worker : workers_) {
    EXPECT_EQ(worker.fault(), "");
  }
}

}  // namespace
}  // namespace talc
