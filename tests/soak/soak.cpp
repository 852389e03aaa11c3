// Threads that allocate, resize, hand over and free blocks for some seconds, and check every byte.
//
//   soak SECONDS [THREADS]
//
// Sizes are of all kinds, mostly small. Threads come and go; blocks pass from one to another through
// a table, so that most are freed by a thread that did not allocate them; now and then the process
// forks and the child does some of it as well, or all that is free is trimmed. Run under preload by
// scripts/soak. Exits with 1 at the first block that does not hold what was written to it.
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <atomic>

namespace {

constexpr size_t kPlaces = 20000;
constexpr size_t kMostBytes = size_t{1} << 30;

struct Block {
  size_t size;  // of all of it
  uint64_t seed;
};

std::atomic<Block*> places[kPlaces];
std::atomic<size_t> live_bytes;
std::atomic<uint64_t> operations;
time_t deadline;

uint64_t mix(uint64_t value) {
  value ^= value >> 33;
  value *= 0xFF51AFD7ED558CCDU;
  return value ^ value >> 29;
}

uint64_t next(uint64_t& random) { return mix(random += 0x9E3779B97F4A7C15U); }

unsigned char byte_of(const Block& block, size_t index) {
  return static_cast<unsigned char>(block.seed >> index % 8 * 8) ^
         static_cast<unsigned char>(index);
}

void write(Block& block, size_t from) {
  auto* const bytes = reinterpret_cast<unsigned char*>(&block);
  for (size_t i = from; i < block.size; ++i) {
    bytes[i] = byte_of(block, i);
  }
}

void check(const Block& block, size_t size) {
  const auto* const bytes = reinterpret_cast<const unsigned char*>(&block);
  for (size_t i = sizeof(Block); i < size; ++i) {
    if (bytes[i] != byte_of(block, i)) {
      dprintf(STDERR_FILENO, "byte %zu of the %zu at %p is wrong\n", i, block.size, bytes);
      abort();
    }
  }
}

size_t random_size(uint64_t& random) {
  const uint64_t kind = next(random) % 1000;
  const unsigned log2 = kind < 800 ? 9 : kind < 980 ? 14 : kind < 998 ? 19 : 24;
  const size_t range = size_t{1} << (4 + next(random) % (log2 - 3));
  return sizeof(Block) + static_cast<size_t>(next(random) % range);
}

Block* make(uint64_t& random) {
  const size_t size = random_size(random);
  if (live_bytes + size > kMostBytes) {
    return nullptr;
  }
  const size_t align = next(random) % 50 == 0 ? size_t{16} << next(random) % 13 : 0;
  const bool is_zeroed = align == 0 && next(random) % 4 == 0;
  void* const memory = align != 0  ? memalign(align, size)
                       : is_zeroed ? calloc(1, size)
                                   : malloc(size);
  if (memory == nullptr || (align != 0 && reinterpret_cast<uintptr_t>(memory) % align != 0)) {
    dprintf(STDERR_FILENO, "no memory, or not aligned\n");
    abort();
  }
  for (size_t i = 0; is_zeroed && i < size; ++i) {
    if (static_cast<char*>(memory)[i] != 0) {
      dprintf(STDERR_FILENO, "calloc's byte %zu of %zu is not zero\n", i, size);
      abort();
    }
  }
  auto* const block = static_cast<Block*>(memory);
  *block = {size, next(random)};
  write(*block, sizeof(Block));
  live_bytes += size;
  return block;
}

Block* resize(Block* block, uint64_t& random) {
  const size_t old_size = block->size;
  const size_t size = random_size(random);
  auto* const moved = static_cast<Block*>(realloc(block, size));
  if (moved == nullptr) {
    abort();
  }
  check(*moved, size < old_size ? size : old_size);
  moved->size = size;
  write(*moved, old_size < size ? old_size : size);
  live_bytes += size - old_size;
  return moved;
}

void drop(Block* block) {
  check(*block, block->size);
  live_bytes -= block->size;
  free(block);
}

void step(uint64_t& random) {
  std::atomic<Block*>& place = places[next(random) % kPlaces];
  Block* block = place.exchange(nullptr);
  if (block == nullptr) {
    block = make(random);
  } else if (next(random) % 4 == 0) {
    check(*block, block->size);
    block = resize(block, random);
  } else {
    drop(block);
    block = nullptr;
  }
  if (block != nullptr && (block = place.exchange(block)) != nullptr) {
    drop(block);
  }
  operations.fetch_add(1, std::memory_order_relaxed);
}

void fork_and_go_on(uint64_t& random) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(60);
    for (int i = 0; i < 3000; ++i) {
      step(random);
    }
    _exit(0);
  }
  int status = -1;
  waitpid(child, &status, 0);
  if (status != 0) {
    dprintf(STDERR_FILENO, "a child's wait status is %d\n", status);
    abort();
  }
}

void* live(void* seed) {
  uint64_t random = reinterpret_cast<uintptr_t>(seed);
  for (uint64_t left = 20000 + next(random) % 100000; left > 0; --left) {
    step(random);
  }
  if (next(random) % 4 == 0) {
    fork_and_go_on(random);
  }
  if (next(random) % 8 == 0) {
    malloc_trim(0);
  }
  return nullptr;
}

// One thread after the other in this one's place, until it is time.
void* follow_one_another(void* seed) {
  uint64_t random = reinterpret_cast<uintptr_t>(seed);
  while (time(nullptr) < deadline) {
    pthread_t thread;
    if (pthread_create(&thread, nullptr, live, reinterpret_cast<void*>(next(random))) != 0) {
      abort();
    }
    pthread_join(thread, nullptr);
  }
  return nullptr;
}

}  // namespace

int main(int count, char** arguments) {
  const long seconds = count > 1 ? atol(arguments[1]) : 10;
  const size_t thread_count = count > 2 ? static_cast<size_t>(atol(arguments[2])) : 8;
  const uint64_t seed = static_cast<uint64_t>(time(nullptr)) ^ static_cast<uint64_t>(getpid())
                                                                   << 32;
  printf("seed %llu\n", static_cast<unsigned long long>(seed));
  fflush(stdout);
  deadline = time(nullptr) + seconds;
  pthread_t threads[64];
  for (size_t i = 0; i < thread_count && i < 64; ++i) {
    pthread_create(&threads[i], nullptr, follow_one_another,
                   reinterpret_cast<void*>(mix(seed + i)));
  }
  for (size_t i = 0; i < thread_count && i < 64; ++i) {
    pthread_join(threads[i], nullptr);
  }
  for (std::atomic<Block*>& place : places) {
    if (Block* const block = place.exchange(nullptr)) {
      drop(block);
    }
  }
  malloc_trim(0);
  printf("%llu operations, %zu bytes live at the end\n",
         static_cast<unsigned long long>(operations.load()), live_bytes.load());
  return live_bytes == 0 ? 0 : 1;
}
