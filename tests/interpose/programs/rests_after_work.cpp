// Fills memory with small and middle blocks, frees all of it in random order and sleeps. Prints the KiB
// that are resident when it is full, and a while after; and how often talc gave memory back in the while's
// last second.
//
//   rests_after_work THREADS MEGABYTES MILLISECONDS [fork]     each thread has its share; fork: a child frees
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "talc/control.h"

#pragma weak talc_stats_get  // also runs without talc

namespace {

constexpr size_t kMaxBlocks = size_t{1} << 20;

struct Worker {
  pthread_t thread;
  size_t bytes;
  unsigned seed;
  void** blocks;
  size_t count;
};

pthread_barrier_t full;
pthread_barrier_t may_free;
pthread_barrier_t freed;

size_t random_below(unsigned& seed, size_t bound) {
  seed = seed * 1103515245U + 12345U;
  return (seed >> 8) % bound;
}

void fill(Worker& worker) {
  void* const table = mmap(nullptr, kMaxBlocks * sizeof(void*), PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  worker.blocks = static_cast<void**>(table);
  for (size_t bytes = 0; bytes < worker.bytes;) {
    const bool is_small = random_below(worker.seed, 10) != 0;
    const size_t size =
        is_small ? 16 + random_below(worker.seed, 1000) : 8192 + random_below(worker.seed, 100000);
    void* const block = malloc(size);
    memset(block, 1, size);
    worker.blocks[worker.count++] = block;
    bytes += size;
  }
}

void free_all(Worker& worker) {
  for (size_t i = worker.count; i > 1; --i) {
    const size_t other = random_below(worker.seed, i);
    void* const block = worker.blocks[other];
    worker.blocks[other] = worker.blocks[i - 1];
    free(block);
  }
  free(worker.blocks[0]);
  munmap(worker.blocks, kMaxBlocks * sizeof(void*));
}

void* work(void* argument) {
  auto& worker = *static_cast<Worker*>(argument);
  fill(worker);
  pthread_barrier_wait(&full);
  pthread_barrier_wait(&may_free);
  free_all(worker);
  pthread_barrier_wait(&freed);
  pause();  // idle, but alive
  return nullptr;
}

long resident_kib() {
  char text[100] = {};
  const int file = open("/proc/self/statm", O_RDONLY);
  if (read(file, text, sizeof text - 1) <= 0) {
    exit(2);
  }
  close(file);
  char* rest = text;
  strtol(rest, &rest, 10);
  return strtol(rest, nullptr, 10) * (sysconf(_SC_PAGESIZE) / 1024);
}

size_t calls_that_give_back() {
  talc_stats stats{};
  stats.size = sizeof stats;
  if (talc_stats_get != nullptr) {
    talc_stats_get(&stats);
  }
  return stats.madvise_calls + stats.munmap_calls;
}

void rest(long full_kib, unsigned milliseconds) {
  constexpr unsigned kLast = 1000;
  const unsigned last = milliseconds < kLast ? milliseconds : kLast;
  usleep((milliseconds - last) * 1000);
  const size_t calls = calls_that_give_back();
  usleep(last * 1000);
  printf("%ld %ld %zu\n", full_kib, resident_kib(), calls_that_give_back() - calls);
  fflush(stdout);
}

void run_alone(Worker& worker, unsigned milliseconds, bool forks) {
  fill(worker);
  const long full_kib = resident_kib();
  const pid_t child = forks ? fork() : 0;
  if (child != 0) {
    waitpid(child, nullptr, 0);
    return;
  }
  free_all(worker);
  rest(full_kib, milliseconds);
}

void run_threads(Worker* workers, unsigned count, unsigned milliseconds) {
  pthread_barrier_init(&full, nullptr, count + 1);
  pthread_barrier_init(&may_free, nullptr, count + 1);
  pthread_barrier_init(&freed, nullptr, count + 1);
  for (unsigned i = 0; i < count; ++i) {
    pthread_create(&workers[i].thread, nullptr, &work, &workers[i]);
  }
  pthread_barrier_wait(&full);
  const long full_kib = resident_kib();
  pthread_barrier_wait(&may_free);
  pthread_barrier_wait(&freed);
  rest(full_kib, milliseconds);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    return 2;
  }
  constexpr unsigned kMaxThreads = 16;
  static Worker workers[kMaxThreads];
  const auto count = static_cast<unsigned>(atoi(argv[1]));
  const size_t bytes = static_cast<size_t>(atoi(argv[2])) << 20;
  const auto milliseconds = static_cast<unsigned>(atoi(argv[3]));
  for (unsigned i = 0; i < count && i < kMaxThreads; ++i) {
    workers[i].bytes = bytes / count;
    workers[i].seed = i;
  }
  if (count == 1) {
    run_alone(workers[0], milliseconds, argc > 4);
  } else {
    run_threads(workers, count, milliseconds);
  }
  _exit(0);
}
