// A load that comes and goes fifty times a second: how often is the kernel called for it?
//
// In each cycle a buffer of 10 MiB is allocated and 320 messages of 32 KiB, all are written to, and all are freed:
// 20 MiB that will be wanted again in a moment. An allocator that gives them back at once calls the kernel in
// every cycle, and pays for the pages again in the next. Cycles begin on a schedule, so that calls a second
// can be compared even where counting them (by strace) makes them slow. Who only counts needs no more: the
// program prints how long it took, how many cycles there were and how often a page had to be had from the kernel.
#include <string.h>
#include <sys/resource.h>

#include "../common/program.hpp"
#include "clock.hpp"
#include "workloads.hpp"

namespace bench {
namespace {

constexpr double kCyclesPerSecond = 50;
constexpr uint64_t kCycles = 250;
constexpr size_t kBufferBytes = size_t{10} << 20;
constexpr size_t kMessageBytes = size_t{32} << 10;
constexpr size_t kMessages = kBufferBytes / kMessageBytes;

void* allocate_written(size_t size) {
  void* const ptr = malloc(size);
  if (ptr == nullptr) {
    fail("out of memory");
  }
  memset(ptr, 1, size);
  escape(ptr);
  return ptr;
}

void play_cycle() {
  void* messages[kMessages];
  void* const buffer = allocate_written(kBufferBytes);
  for (void*& message : messages) {
    message = allocate_written(kMessageBytes);
  }
  for (void* const message : messages) {
    free(message);
  }
  free(buffer);
}

long minor_faults() {
  rusage use{};
  getrusage(RUSAGE_SELF, &use);
  return use.ru_minflt;
}

}  // namespace

void run_cyclic(uint64_t scale_percent) {
  const uint64_t cycles = (kCycles * scale_percent + 99) / 100;
  const long faults_before = minor_faults();
  const double start = now_seconds();
  for (uint64_t i = 0; i < cycles; ++i) {
    play_cycle();
    sleep_until(start + static_cast<double>(i + 1) / kCyclesPerSecond);
  }
  printf("seconds,cycles,minor_faults\n%.3f,%ju,%ld\n", now_seconds() - start, uintmax_t{cycles},
         minor_faults() - faults_before);
}

}  // namespace bench
