// Threads that come and go, and what runs at their end: a hundred thousand of them, thread_local
// objects and keys of others that free and allocate when talc's own key has been called, blocks
// of libc's that it frees last, cancellation, blocks that another thread frees. lifecycle_test.cpp
// runs it.
#include <limits.h>
#include <malloc.h>
#include <sched.h>

#include <atomic>
#include <string>
#include <utility>
#include <vector>

#include "moments.h"

namespace {

size_t bytes_in_use() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

// Runs `body` in so many threads, two at a time.
void run_threads(int count, void* (*body)(void*)) {
  for (int i = 0; i < count; i += 2) {
    pthread_t pair[2];
    start_threads(pair, 2, body);
    join_threads(pair, 2);
  }
}

pthread_barrier_t all_there;

void* use_malloc_among_others(void* result) {
  use_malloc();
  pthread_barrier_wait(&all_there);
  return result;
}

// At most two for each processor: a thread begins in one where no other is. What an arena needs, and its part of
// the page map, would else be taken for what was lost.
void begin_all_arenas() {
  cpu_set_t processors;
  REQUIRE(sched_getaffinity(0, sizeof processors, &processors) == 0);
  const int count = 2 * CPU_COUNT(&processors);
  std::vector<pthread_t> threads(static_cast<size_t>(count));
  pthread_barrier_init(&all_there, nullptr, static_cast<unsigned>(count));
  start_threads(threads.data(), count, use_malloc_among_others);
  join_threads(threads.data(), count);
  pthread_barrier_destroy(&all_there);
}

constexpr size_t kSlack = size_t{256} << 10;

// As many threads again must not need more.
void require_no_growth(int count, void* (*body)(void*)) {
  begin_all_arenas();
  run_threads(count / 10, body);
  const size_t before = bytes_in_use();
  run_threads(count, body);
  const size_t after = bytes_in_use();
  REQUIRE(after < before + kSlack);
}

void* allocate_a_little(void* result) {
  for (size_t size = 10; size < 20000; size *= 4) {
    char* const block = static_cast<char*>(malloc(size));
    REQUIRE(block != nullptr);
    block[size - 1] = 'x';
    free(block);
  }
  return result;
}

void churn() { require_no_growth(100'000, allocate_a_little); }

// Its destructor runs before any key's.
struct Kept {
  std::vector<std::string> strings;
  ~Kept() {
    strings.resize(100, std::string(200, 'y'));
    strings.clear();
    use_malloc();
  }
};

pthread_key_t keys[3];

// As often as there are rounds of destructors, so that the last call of all is one of these. Talc's
// own key was made before them: in each round its turn is over by then.
void use_and_come_again(size_t key, void* block) {
  static thread_local int rounds[3];
  free(block);
  use_malloc();
  if (++rounds[key] < PTHREAD_DESTRUCTOR_ITERATIONS) {
    pthread_setspecific(keys[key], malloc(100));
  }
}

void make_keys() {
  REQUIRE(pthread_key_create(&keys[0], [](void* block) { use_and_come_again(0, block); }) == 0);
  REQUIRE(pthread_key_create(&keys[1], [](void* block) { use_and_come_again(1, block); }) == 0);
  REQUIRE(pthread_key_create(&keys[2], [](void* block) { use_and_come_again(2, block); }) == 0);
}

// strerror's text and dlerror's are freed by libc when every key's destructor has run.
void* leave_blocks(void* result) {
  static thread_local Kept kept;
  kept.strings.emplace_back(100, 'x');
  for (const pthread_key_t key : keys) {
    pthread_setspecific(key, malloc(100));
  }
  REQUIRE(strstr(strerror(12345), "12345") != nullptr);
  REQUIRE(dlopen("no such library", RTLD_NOW) == nullptr);
  return result;
}

void destructors() {
  make_keys();
  require_no_growth(2'000, leave_blocks);
}

thread_local volatile bool is_in_malloc;

void require_outside(void*) { REQUIRE(!is_in_malloc); }

// malloc and free are no cancellation points, nor is the thread's heap half changed after one.
void* allocate_until_cancelled(void* result) {
  pthread_cleanup_push(require_outside, nullptr);
  for (;;) {
    is_in_malloc = true;
    use_malloc();
    is_in_malloc = false;
    pthread_testcancel();
  }
  pthread_cleanup_pop(0);
  return result;
}

void cancel_pair() {
  pthread_t pair[2];
  start_threads(pair, 2, allocate_until_cancelled);
  usleep(200);
  for (const pthread_t thread : pair) {
    void* result = nullptr;
    REQUIRE(pthread_cancel(thread) == 0);
    REQUIRE(pthread_join(thread, &result) == 0);
    REQUIRE(result == PTHREAD_CANCELED);
  }
}

void cancellation() {
  begin_all_arenas();
  cancel_pair();
  const size_t before = bytes_in_use();
  for (int i = 0; i < 100; ++i) {
    cancel_pair();
  }
  REQUIRE(bytes_in_use() < before + kSlack);
}

// Blocks on their way from the one thread that allocates to the one that only frees.
class Handover {
 public:
  void give(const std::vector<void*>& batch) {
    while (is_full_) {
      sched_yield();
    }
    batch_ = batch;
    is_full_ = true;
  }
  std::vector<void*> take() {
    while (!is_full_) {
      sched_yield();
    }
    std::vector<void*> batch = std::move(batch_);
    is_full_ = false;
    return batch;
  }

 private:
  std::vector<void*> batch_;
  std::atomic<bool> is_full_{false};
};

Handover handover;

std::vector<void*> make_blocks(size_t count, size_t size) {
  std::vector<void*> blocks(count);
  for (void*& block : blocks) {
    block = memset(malloc(size), 1, size);
  }
  return blocks;
}

void free_blocks(const std::vector<void*>& blocks) {
  for (void* const block : blocks) {
    free(block);
  }
}

size_t bytes_mapped() {
  const struct mallinfo2 info = mallinfo2();
  return info.arena + info.hblkhd;
}

size_t bytes_resident() {
  FILE* const file = fopen("/proc/self/statm", "r");
  size_t pages = 0;
  REQUIRE(file != nullptr && fscanf(file, "%*u %zu", &pages) == 1);
  fclose(file);
  return pages * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

constexpr int kBatches = 3000;

void* free_batches(void* result) {
  for (int i = 0; i < kBatches; ++i) {
    free_blocks(handover.take());
  }
  return result;
}

// What a thread that only frees holds back is bounded: a gigabyte passes, and little stays.
void only_frees() {
  pthread_t thread;
  start_threads(&thread, 1, free_batches);
  for (size_t i = 0; i < kBatches; ++i) {
    handover.give(make_blocks(1000, 16 + i * 7 % 700));
  }
  join_threads(&thread, 1);
  REQUIRE(bytes_mapped() < size_t{32} << 20);
}

// Allocates, hands over, and then does nothing until all has been looked at.
void* allocate_and_idle(void* result) {
  handover.give(make_blocks(300'000, 200));
  handover.give(make_blocks(2'000, 20'000));
  while (!stop) {
    usleep(1000);
  }
  return result;
}

// What others free is free, and goes back to the kernel, though its owner never calls again.
void idle_owner() {
  const size_t before = bytes_in_use();
  pthread_t owner;
  start_threads(&owner, 1, allocate_and_idle);
  free_blocks(handover.take());
  free_blocks(handover.take());
  REQUIRE(bytes_in_use() < before + (size_t{4} << 20));
  malloc_trim(0);
  REQUIRE(bytes_resident() < size_t{24} << 20);
  stop_threads(&owner, 1);
}

constexpr moment kMoments[] = {
    {"churn", churn},           {"destructors", destructors}, {"cancellation", cancellation},
    {"only_frees", only_frees}, {"idle_owner", idle_owner},
};

}  // namespace

int main(int argc, char** argv) {
  return live_moment(argc, argv, kMoments, sizeof kMoments / sizeof *kMoments);
}
