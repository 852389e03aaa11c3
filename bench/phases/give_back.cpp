// What stays resident when all has been freed: "I freed it, why is it still there?"
//
// Four threads fill 1 GiB. Of a hundred blocks 99 are small, of 16 bytes to 2 KiB, leaning towards the small
// end, and one is of 8 to 128 KiB, which makes more than half of the bytes. Then all of it is freed: by each
// thread its own in the order of allocation, or by one of them everything in random order. After that nobody
// calls the allocator for 3 s, and all threads are alive, so that their caches are not emptied by their ends:
// what comes back then comes back by the allocator's own clock. The first thread only looks.
#include <string.h>

#include "../common/program.hpp"
#include "../common/random.hpp"
#include "clock.hpp"
#include "resident.hpp"
#include "workloads.hpp"

namespace bench {
namespace {

constexpr unsigned kWorkers = 4;
constexpr uint64_t kFullBytes = uint64_t{1} << 30;
// A block has 1,200 bytes on average: there is room for twice as many.
constexpr uint64_t kLeastMeanBytes = 600;

// The blocks of one thread.
class Store {
 public:
  // Its table is resident from the start, so that it does not grow beside the heap.
  Store(unsigned index, uint64_t target_bytes)
      : random_(index),
        target_bytes_(target_bytes),
        room_(target_bytes / kLeastMeanBytes + 1),
        blocks_(make_table<void*>(room_)) {
    memset(static_cast<void*>(blocks_), 0xff, room_ * sizeof(void*));
  }

  bool is_empty() const { return count_ == 0; }

  void fill() {
    for (uint64_t held = 0; held < target_bytes_;) {
      const size_t size = random_.percent(1) ? random_.in(8 << 10, 128 << 10)
                                             : random_.in(16, random_.in(17, 2 << 10));
      if (count_ == room_) {
        fail("more blocks than there is room for");
      }
      void* const ptr = malloc(size);
      if (ptr == nullptr) {
        fail("out of memory");
      }
      memset(ptr, 1, size);
      escape(ptr);
      blocks_[count_++] = ptr;
      held += size;
    }
  }

  void free_in_order() {
    for (size_t i = 0; i < count_; ++i) {
      free(blocks_[i]);
    }
    count_ = 0;
  }

  void free_one_of(Random& random) {
    void*& victim = blocks_[random.in(0, count_)];
    free(victim);
    victim = blocks_[--count_];
  }

 private:
  Random random_;
  uint64_t target_bytes_;
  size_t room_;
  void** blocks_;
  size_t count_ = 0;
};

// Until all stores are empty: one of those that are not, and of that any block.
void free_at_random(Store* stores) {
  Random random(kWorkers);
  Store* filled[kWorkers];
  size_t count = 0;
  for (unsigned i = 0; i < kWorkers; ++i) {
    filled[count++] = stores + i;
  }
  while (count != 0) {
    const size_t index = random.in(0, count);
    if (filled[index]->is_empty()) {
      filled[index] = filled[--count];
    } else {
      filled[index]->free_one_of(random);
    }
  }
}

pthread_barrier_t step_ends;

void await_all() { pthread_barrier_wait(&step_ends); }

void work(unsigned index, Store* stores, Freeing freeing) {
  stores[index].fill();
  await_all();
  await_all();  // while the first thread looks
  if (freeing == Freeing::kEachItsOwn) {
    stores[index].free_in_order();
  } else if (index == 0) {
    free_at_random(stores);
  }
  await_all();
  await_all();  // idle
}

void look(const Resident& resident) {
  await_all();
  const uint64_t full = resident.bytes();
  await_all();
  await_all();
  const double freed_at = now_seconds();
  const uint64_t freed = resident.bytes();
  sleep_until(freed_at + 1);
  const uint64_t after_1s = resident.bytes();
  sleep_until(freed_at + 3);
  const uint64_t after_3s = resident.bytes();
  await_all();
  printf("full_bytes,freed_bytes,after_1s_bytes,after_3s_bytes\n%ju,%ju,%ju,%ju\n", uintmax_t{full},
         uintmax_t{freed}, uintmax_t{after_1s}, uintmax_t{after_3s});
}

}  // namespace

void run_give_back(uint64_t scale_percent, Freeing freeing) {
  const uint64_t share_bytes = kFullBytes * scale_percent / 100 / kWorkers;
  Store stores[kWorkers] = {{0, share_bytes}, {1, share_bytes}, {2, share_bytes}, {3, share_bytes}};
  const Resident resident;
  pthread_barrier_init(&step_ends, nullptr, kWorkers + 1);
  run_threads(kWorkers + 1, [&](unsigned index) {
    if (index == 0) {
      look(resident);
    } else {
      work(index - 1, stores, freeing);
    }
    return uint64_t{0};
  });
}

}  // namespace bench
