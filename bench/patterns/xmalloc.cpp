// Producers and consumers: half of the threads only allocate, the other half only free.
//
// After xmalloc-test by Lever and Boreham, "malloc() Performance in a Multithreaded Linux Environment",
// USENIX 2000. Blocks of 8 to 2,048 bytes, the small ones more often, travel in batches through a
// bounded queue. Stresses: memory that never returns to where it was allocated. One thread alone fills
// a batch, then frees it; with an odd number the producers are one more.
#include "common.hpp"

namespace {

constexpr size_t kBlocksPerBatch = 1024;
constexpr size_t kQueueLimit = 16;
constexpr size_t kSizes[] = {8,   12,  16,  24,  32,  48,   64,   96,  128,
                             192, 256, 384, 512, 768, 1024, 1536, 2048};

struct Batch {
  Batch* next;
  bench::Tagged blocks[kBlocksPerBatch];
};

// Batches are malloc's too, as in the original: the largest blocks that travel.
class Queue {
 public:
  explicit Queue(uint64_t batches) : to_come_(batches) {}

  void put(Batch* batch) {
    pthread_mutex_lock(&mutex_);
    while (count_ == kQueueLimit) {
      pthread_cond_wait(&has_room_, &mutex_);
    }
    batch->next = first_;
    first_ = batch;
    count_ += 1;
    pthread_cond_signal(&has_batch_);
    pthread_mutex_unlock(&mutex_);
  }

  // Null when all batches have passed.
  Batch* take() {
    pthread_mutex_lock(&mutex_);
    while (first_ == nullptr && to_come_ != 0) {
      pthread_cond_wait(&has_batch_, &mutex_);
    }
    Batch* const batch = to_come_ != 0 ? first_ : nullptr;
    if (batch != nullptr) {
      first_ = batch->next;
      count_ -= 1;
      to_come_ -= 1;
      if (to_come_ == 0) {
        pthread_cond_broadcast(&has_batch_);
      }
      pthread_cond_signal(&has_room_);
    }
    pthread_mutex_unlock(&mutex_);
    return batch;
  }

 private:
  pthread_mutex_t mutex_ = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t has_batch_ = PTHREAD_COND_INITIALIZER;
  pthread_cond_t has_room_ = PTHREAD_COND_INITIALIZER;
  Batch* first_ = nullptr;
  size_t count_ = 0;
  uint64_t to_come_;
};

Batch* produce(bench::Random& random) {
  Batch* const batch = static_cast<Batch*>(malloc(sizeof(Batch)));
  if (batch == nullptr) {
    bench::fail("out of memory");
  }
  for (bench::Tagged& block : batch->blocks) {
    const size_t size = kSizes[random.in(0, random.in(1, sizeof kSizes / sizeof *kSizes + 1))];
    block = bench::allocate_tagged(size, random.next());
  }
  return batch;
}

uint64_t consume(Batch* batch) {
  const uint64_t sum = bench::free_all_tagged(batch->blocks, kBlocksPerBatch);
  free(batch);
  return sum;
}

uint64_t run_alone(uint64_t batches) {
  bench::Random random(0);
  uint64_t sum = 0;
  for (uint64_t i = 0; i < batches; ++i) {
    sum += consume(produce(random));
  }
  return sum;
}

uint64_t run_together(uint64_t batches, unsigned threads) {
  const unsigned producers = (threads + 1) / 2;
  Queue queue(batches);
  return bench::run_threads(threads, [&](unsigned index) {
    uint64_t sum = 0;
    if (index < producers) {
      bench::Random random(index);
      const uint64_t count = bench::share(batches, index, producers);
      for (uint64_t i = 0; i < count; ++i) {
        queue.put(produce(random));
      }
    } else {
      for (Batch* batch = queue.take(); batch != nullptr; batch = queue.take()) {
        sum += consume(batch);
      }
    }
    return sum;
  });
}

}  // namespace

int main(int argc, char** argv) {
  const bench::Arguments arguments = bench::parse_arguments(argc, argv);
  const uint64_t batches = arguments.scaled(16000);
  bench::print_checksum(arguments.threads == 1 ? run_alone(batches)
                                               : run_together(batches, arguments.threads));
}
