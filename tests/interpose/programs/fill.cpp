// Fills what a limit on addresses leaves with blocks, frees them and fills it again with others:
//
//   fill MEGABYTES THREADS SIZE…
//   fill -dMEGABYTES THREADS SIZE…
//
// The limit is as of `ulimit -v`; with -d as of `ulimit -d`, which counts what may be written, touched or not,
// as the kernel does where it does not overcommit (vm.overcommit_memory=2); or, where TALC_HEAP_LIMIT is set,
// that of the heap, which must be so much. For each size in turn all threads allocate such blocks until there
// are no more, which must be told by ENOMEM, and each then frees those of its neighbour, here and
// there rather than one after the other. Size 0 stands for sizes of all kinds. Prints for each size
// the share of what the limit left that the program could use, in percent, and how many percent one
// block more would be.
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>

namespace {

constexpr unsigned kMaxThreads = 8;
constexpr size_t kLeast = 64;
constexpr size_t kMost = size_t{60} << 20;
constexpr unsigned kPasses = 4;

// A block: whose it is, so that blocks handed out twice are noticed, and the next one.
struct Block {
  Block* next;
  Block* self;
};

struct Worker {
  unsigned index;
  unsigned random;
  Block* blocks;
};

Worker workers[kMaxThreads];
unsigned thread_count;
size_t left_bytes;  // that the limit leaves, to begin with
std::atomic<size_t> usable_bytes;
pthread_barrier_t barrier;
char** sizes;

void fail(const char* why) {
  dprintf(STDERR_FILENO, "%s\n", why);
  _exit(1);
}

// What the limit counts: all addresses, or only what is private and may be written.
size_t counted_bytes(int limit) {
  char text[128] = {};
  const int file = open("/proc/self/statm", O_RDONLY);
  if (read(file, text, sizeof text - 1) <= 0) {
    fail("no /proc/self/statm");
  }
  close(file);
  size_t all = 0;
  size_t writable = 0;
  if (sscanf(text, "%zu %*u %*u %*u %*u %zu", &all, &writable) != 2) {
    fail("no such fields in /proc/self/statm");
  }
  return (limit == RLIMIT_DATA ? writable : all) * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

unsigned next_random(unsigned& random) { return random = random * 1103515245 + 12345; }

bool take(Worker& worker, size_t size) {
  errno = 0;
  auto* const block = static_cast<Block*>(malloc(size));
  if (block == nullptr) {
    if (errno != ENOMEM) {
      fail("null without ENOMEM");
    }
    return false;
  }
  *block = {worker.blocks, block};
  worker.blocks = block;
  usable_bytes += malloc_usable_size(block);
  return true;
}

// Smaller and smaller ones, at last.
void fill_with_all_kinds(Worker& worker) {
  for (size_t most = kMost; most >= kLeast;) {
    const unsigned random = next_random(worker.random) >> 8;
    if (!take(worker, kLeast + random % (1 + (most >> random % 8)))) {
      most /= 2;
    }
  }
}

void fill(Worker& worker, size_t size) {
  if (size == 0) {
    fill_with_all_kinds(worker);
    return;
  }
  while (take(worker, size)) {
  }
}

void free_here_and_there(Worker& worker) {
  for (unsigned pass = kPasses; pass-- > 0;) {
    Block* kept = nullptr;
    for (Block* block = worker.blocks; block != nullptr;) {
      Block* const next = block->next;
      if (block->self != block) {
        fail("a block does not hold what was written to it");
      }
      if (next_random(worker.random) >> 16 & pass) {
        block->next = kept;
        kept = block;
      } else {
        free(block);
      }
      block = next;
    }
    worker.blocks = kept;
  }
}

// Of whole blocks there may be room for not quite one more.
void report(size_t size) {
  const size_t usable = usable_bytes.exchange(0);
  dprintf(STDOUT_FILENO, "%zu %zu %zu\n", size, usable * 100 / left_bytes, size * 100 / left_bytes);
}

void* work(void* argument) {
  auto& worker = *static_cast<Worker*>(argument);
  // What a thread has for as long as it lives, it has before memory is scarce: begun later, in the middle of
  // a large heap, it would keep that heap from going back.
  free(malloc(1));
  for (char** text = sizes; *text != nullptr; ++text) {
    const size_t size = strtoul(*text, nullptr, 10);
    pthread_barrier_wait(&barrier);
    fill(worker, size);
    pthread_barrier_wait(&barrier);
    if (worker.index == 0) {
      report(size);
    }
    free_here_and_there(workers[(worker.index + 1) % thread_count]);
  }
  return nullptr;
}

void start(unsigned index) {
  pthread_attr_t attributes;
  pthread_t thread;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, size_t{64} << 10);
  if (pthread_create(&thread, &attributes, work, &workers[index]) != 0) {
    fail("no thread");
  }
}

}  // namespace

int main(int, char** arguments) {
  const bool is_of_data = strncmp(arguments[1], "-d", 2) == 0;
  const auto kind = is_of_data ? RLIMIT_DATA : RLIMIT_AS;
  const size_t limit_bytes = strtoul(arguments[1] + (is_of_data ? 2 : 0), nullptr, 10) << 20;
  thread_count = static_cast<unsigned>(strtoul(arguments[2], nullptr, 10));
  sizes = arguments + 3;
  pthread_barrier_init(&barrier, nullptr, thread_count);
  for (unsigned i = 0; i < thread_count; ++i) {
    workers[i] = {i, i * 77 + 1, nullptr};
  }
  for (unsigned i = 1; i < thread_count; ++i) {
    start(i);
  }
  if (getenv("TALC_HEAP_LIMIT") != nullptr) {
    left_bytes = limit_bytes;
  } else {
    const rlimit limit{limit_bytes, limit_bytes};
    setrlimit(kind, &limit);
    left_bytes = limit_bytes - counted_bytes(kind);
  }
  work(&workers[0]);
  _exit(0);  // others may still be freeing
}
