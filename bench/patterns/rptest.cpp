// Sizes up to 16,000 bytes, the larger the rarer, with some blocks freed by a neighbour thread.
//
// After rpmalloc-benchmark by Mattias Jansson (`rptest` in mimalloc-bench). Each thread has 1,000 slots;
// a turn frees 100 at random and fills 100 at random, and after every other turn the thread passes 50
// blocks to the next thread and frees what it was passed. A thread that has got so far ahead of the next
// one that this has kMaxWaiting lists to free waits for it, and what it would pass to one that has ended
// it frees itself: else what is live would be a matter of the scheduler, and the fastest allocator would
// seem to need most. Stresses: medium sizes, which small-block
// caches leave to slower paths, and the way home of foreign frees. The start of each block is filled.
#include <sched.h>

#include <atomic>

#include "common.hpp"

namespace {

constexpr size_t kSlots = 1000;
constexpr size_t kOperations = 100;
constexpr size_t kPassed = 50;
constexpr unsigned kMaxWaiting = 16;
constexpr size_t kMinSize = 24;
constexpr size_t kMaxSize = 16000;

// Starts each block. A passed block is linked to the next one through it.
struct Header {
  Header* next;
  uint64_t tag;
};

class Mailbox {
 public:
  bool is_full() const {
    return waiting_.load(std::memory_order_relaxed) >= kMaxWaiting && !is_closed();
  }
  // Nobody takes what comes after close().
  bool is_closed() const { return is_closed_.load(std::memory_order_relaxed); }
  void put(Header* first, Header* last) {
    waiting_.fetch_add(1, std::memory_order_relaxed);
    last->next = first_.load(std::memory_order_relaxed);
    while (!first_.compare_exchange_weak(last->next, first, std::memory_order_release)) {
    }
  }

  Header* take() {
    waiting_.store(0, std::memory_order_relaxed);
    return first_.exchange(nullptr, std::memory_order_acquire);
  }
  void close() { is_closed_.store(true, std::memory_order_relaxed); }

 private:
  alignas(64) std::atomic<Header*> first_;
  std::atomic<unsigned> waiting_;
  std::atomic<bool> is_closed_;
};

Header* allocate(bench::Random& random) {
  // The smaller of two even draws: twice as many small blocks as there would be, none of the largest.
  const size_t one = random.in(kMinSize, kMaxSize + 1);
  const size_t other = random.in(kMinSize, kMaxSize + 1);
  const size_t size = one < other ? one : other;
  Header* const block = static_cast<Header*>(malloc(size));
  if (block == nullptr) {
    bench::fail("out of memory");
  }
  memset(block, static_cast<int>(size & 0xff), size < 64 ? size : 64);
  block->tag = size;
  bench::escape(block);
  return block;
}

// Returns the tag. The bytes behind the header are still what they were.
uint64_t release(Header* block) {
  const uint64_t tag = block->tag;
  const unsigned char* const rest = reinterpret_cast<const unsigned char*>(block + 1);
  if (*rest != (tag & 0xff)) {
    bench::fail("a block does not hold what was written");
  }
  free(block);
  return tag;
}

uint64_t release_list(Header* block) {
  uint64_t sum = 0;
  while (block != nullptr) {
    Header* const next = block->next;
    sum += release(block);
    block = next;
  }
  return sum;
}

class Worker {
 public:
  explicit Worker(unsigned index) : random_(index) {}

  uint64_t run(uint64_t turns, Mailbox& own, Mailbox& neighbour) {
    for (uint64_t turn = 0; turn < turns; ++turn) {
      for (size_t i = 0; i < kOperations; ++i) {
        empty(slots_[random_.in(0, kSlots)]);
      }
      for (size_t i = 0; i < kOperations; ++i) {
        Header*& slot = slots_[random_.in(0, kSlots)];
        empty(slot);
        slot = allocate(random_);
      }
      if (turn % 2 == 1) {
        pass_on(neighbour);
        sum_ += release_list(own.take());
        while (neighbour.is_full()) {
          sched_yield();
          sum_ += release_list(own.take());
        }
      }
    }
    own.close();
    for (Header*& slot : slots_) {
      empty(slot);
    }
    return sum_;
  }

 private:
  void empty(Header*& slot) {
    sum_ += slot != nullptr ? release(slot) : 0;
    slot = nullptr;
  }

  void pass_on(Mailbox& neighbour) {
    Header* const last = allocate(random_);
    Header* first = last;
    for (size_t i = 1; i < kPassed; ++i) {
      Header* const block = allocate(random_);
      block->next = first;
      first = block;
    }
    if (neighbour.is_closed()) {
      last->next = nullptr;
      sum_ += release_list(first);
    } else {
      neighbour.put(first, last);
    }
  }

  bench::Random random_;
  uint64_t sum_ = 0;
  Header* slots_[kSlots] = {};
};

}  // namespace

int main(int argc, char** argv) {
  const bench::Arguments arguments = bench::parse_arguments(argc, argv);
  const uint64_t turns = arguments.scaled(60000);
  static Mailbox mailboxes[bench::kMaxThreads];
  uint64_t sum = bench::run_threads(arguments.threads, [&](unsigned index) {
    Worker worker(index);
    Mailbox& neighbour = mailboxes[(index + 1) % arguments.threads];
    return worker.run(bench::share(turns, index, arguments.threads), mailboxes[index], neighbour);
  });
  for (Mailbox& mailbox : mailboxes) {
    sum += release_list(mailbox.take());
  }
  bench::print_checksum(sum);
}
