// The hot paths, for callgrind to count their instructions: measure.py runs this and knows the arguments.
//
//   instructions PATH OPERATIONS        one path: OPERATIONS to warm up, then OPERATIONS, then twice that
//   instructions list                   the names of the paths, a line each
//
// Each of the two measured runs becomes a dump of callgrind's; half of what the second costs more is
// what the operations cost, without whatever is done once. The loop around a call is included: two or
// three instructions. Outside of callgrind it does the same and tells nothing.
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <valgrind/callgrind.h>

#include <new>

#include "../common/program.hpp"

// clang knows it only under -fsized-deallocation.
void operator delete(void* ptr, size_t size) noexcept;

namespace {

constexpr size_t kBatch = 1000;

void* batch[kBatch];

template <size_t kSize>
void malloc_free(size_t operations) {
  for (size_t i = 0; i < operations; ++i) {
    void* const ptr = malloc(kSize);
    bench::escape(ptr);
    free(ptr);
  }
}

// An operation is a block allocated and freed.
template <size_t kSize>
void malloc_free_batch(size_t operations) {
  for (size_t done = 0; done < operations; done += kBatch) {
    for (void*& ptr : batch) {
      ptr = malloc(kSize);
    }
    bench::escape(batch);
    for (void* const ptr : batch) {
      free(ptr);
    }
  }
}

template <size_t kSize>
void calloc_free(size_t operations) {
  for (size_t i = 0; i < operations; ++i) {
    void* const ptr = calloc(1, kSize);
    bench::escape(ptr);
    free(ptr);
  }
}

// Up and down by a few bytes, where no allocator has to move the block.
void realloc_in_class(size_t operations) {
  void* ptr = malloc(100);
  for (size_t i = 0; i < operations; ++i) {
    ptr = realloc(ptr, 100 + i % 2 * 4);
    bench::escape(ptr);
  }
  free(ptr);
}

void aligned_alloc_free_64(size_t operations) {
  for (size_t i = 0; i < operations; ++i) {
    void* const ptr = aligned_alloc(64, 192);
    bench::escape(ptr);
    free(ptr);
  }
}

void new_delete_32(size_t operations) {
  for (size_t i = 0; i < operations; ++i) {
    void* const ptr = ::operator new(32);
    bench::escape(ptr);
    ::operator delete(ptr);
  }
}

void new_sized_delete_32(size_t operations) {
  for (size_t i = 0; i < operations; ++i) {
    void* const ptr = ::operator new(32);
    bench::escape(ptr);
    ::operator delete(ptr, 32);
  }
}

void new_aligned_delete_64(size_t operations) {
  constexpr std::align_val_t kAlign{64};
  for (size_t i = 0; i < operations; ++i) {
    void* const ptr = ::operator new(192, kAlign);
    bench::escape(ptr);
    ::operator delete(ptr, kAlign);
  }
}

sem_t batch_is_full;
sem_t batch_is_free;
size_t batches_to_come;

// A batch is allocated here and freed by another thread; both sides count, and 1/1000 of a hand-over.
void free_from_other_thread_64(size_t operations) {
  batches_to_come = operations / kBatch;
  const auto consume = [](unsigned) {
    for (size_t left = batches_to_come; left != 0; --left) {
      sem_wait(&batch_is_full);
      for (void* const ptr : batch) {
        free(ptr);
      }
      sem_post(&batch_is_free);
    }
    return uint64_t{0};
  };
  bench::Thread<decltype(consume)> consumer;
  sem_init(&batch_is_full, 0, 0);
  sem_init(&batch_is_free, 0, 0);
  consumer.start(consume, 0);
  for (size_t left = operations / kBatch; left != 0; --left) {
    for (void*& ptr : batch) {
      ptr = malloc(64);
    }
    sem_post(&batch_is_full);
    sem_wait(&batch_is_free);
  }
  consumer.join();
}

struct Path {
  const char* name;
  void (*run)(size_t operations);
};

constexpr Path kPaths[] = {
    {"malloc_free_16", malloc_free<16>},
    {"malloc_free_32", malloc_free<32>},
    {"malloc_free_64", malloc_free<64>},
    {"malloc_free_256", malloc_free<256>},
    {"malloc_free_1024", malloc_free<1024>},
    {"malloc_free_8192", malloc_free<8192>},
    {"malloc_free_40000", malloc_free<40000>},
    {"batch_1000_of_16", malloc_free_batch<16>},
    {"batch_1000_of_64", malloc_free_batch<64>},
    {"batch_1000_of_1024", malloc_free_batch<1024>},
    {"calloc_free_64", calloc_free<64>},
    {"calloc_free_1024", calloc_free<1024>},
    {"realloc_in_class", realloc_in_class},
    {"aligned_alloc_free_64", aligned_alloc_free_64},
    {"new_delete_32", new_delete_32},
    {"new_sized_delete_32", new_sized_delete_32},
    {"new_aligned_delete_64", new_aligned_delete_64},
    {"free_from_other_thread_64", free_from_other_thread_64},
};

void count(const Path& path, size_t operations) {
  path.run(operations);
  CALLGRIND_ZERO_STATS;
  path.run(operations);
  CALLGRIND_DUMP_STATS_AT("once");
  path.run(2 * operations);
  CALLGRIND_DUMP_STATS_AT("twice");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && strcmp(argv[1], "list") == 0) {
    for (const Path& path : kPaths) {
      puts(path.name);
    }
    return 0;
  }
  const uint64_t operations = argc == 3 ? bench::parse_number(argv[2], 1000000000) : 0;
  for (const Path& path : kPaths) {
    // Whole batches, so that twice as many operations are twice the work.
    if (operations != 0 && operations % kBatch == 0 && strcmp(path.name, argv[1]) == 0) {
      count(path, operations);
      return 0;
    }
  }
  fprintf(stderr, "usage: instructions PATH OPERATIONS | list  (OPERATIONS: thousands)\n");
  return 2;
}
