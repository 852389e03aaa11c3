// What every benchmark program does alike: reads its arguments, starts threads, reports a failure.
//
// Nothing here calls malloc: tables come from mmap and threads from pthread, so that what is measured
// is the program's own pattern. (pthread_create itself allocates a little, under every allocator.)
// Used by patterns/, latency/ and phases/.
#pragma once

#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

namespace bench {

constexpr unsigned kMaxThreads = 64;

[[noreturn]] inline void fail(const char* what) {
  fprintf(stderr, "%s: %s\n", program_invocation_short_name, what);
  exit(1);
}

// The whole of `text` as a number from 1 to `max`; 0 if it is not one.
inline uint64_t parse_number(const char* text, uint64_t max) {
  if (*text < '0' || *text > '9') {
    return 0;
  }
  char* end = nullptr;
  errno = 0;
  const uint64_t number = strtoull(text, &end, 10);
  return errno == 0 && *end == '\0' && number <= max ? number : 0;
}

// Zeroed, and not from malloc: the kernel's pages become resident as they are touched. Never freed.
template <class T>
T* make_table(size_t count) {
  void* const memory = mmap(nullptr, count * sizeof(T), PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    fail("no memory for a table");
  }
  return static_cast<T*>(memory);
}

// The compiler must take it that somebody reads and writes what ptr leads to.
inline void escape(void* ptr) { asm volatile("" : : "r"(ptr) : "memory"); }

// A thread that calls `body(index)`, which returns a part of the checksum.
template <class Body>
class Thread {
 public:
  void start(Body& body, unsigned index) {
    body_ = &body;
    index_ = index;
    if (pthread_create(&id_, nullptr, &Thread::enter, this) != 0) {
      fail("cannot start a thread");
    }
  }

  uint64_t join() {
    pthread_join(id_, nullptr);
    return sum_;
  }

 private:
  static void* enter(void* self_ptr) {
    Thread* const self = static_cast<Thread*>(self_ptr);
    self->sum_ = (*self->body_)(self->index_);
    return nullptr;
  }

  Body* body_ = nullptr;
  pthread_t id_ = {};
  uint64_t sum_ = 0;
  unsigned index_ = 0;
};

// body(0) to body(count - 1) at once, the first of them in the caller's thread: one thread is a
// process without threads. Returns the sum of what they return.
template <class Body>
uint64_t run_threads(unsigned count, Body&& body) {
  Thread<Body> threads[kMaxThreads];
  for (unsigned i = 1; i < count; ++i) {
    threads[i].start(body, i);
  }
  uint64_t sum = body(0);
  for (unsigned i = 1; i < count; ++i) {
    sum += threads[i].join();
  }
  return sum;
}

}  // namespace bench
