// For two seconds allocates, touches and frees 200 messages of 32 KiB and a buffer of 10 MiB, again and again.
// Prints the calls of madvise and munmap in these seconds.
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "talc/control.h"

namespace {

talc_stats stats() {
  const auto get =
      reinterpret_cast<decltype(&talc_stats_get)>(dlsym(RTLD_DEFAULT, "talc_stats_get"));
  talc_stats now = {};
  now.size = sizeof now;
  get(&now);
  return now;
}

double seconds() {
  timespec now = {};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

void* allocate(size_t size) {
  void* const block = malloc(size);
  memset(block, 1, size);
  return block;
}

void exchange_messages() {
  constexpr size_t kMessages = 200;
  static void* messages[kMessages];
  void* const buffer = allocate(size_t{10} << 20);
  for (void*& message : messages) {
    message = allocate(size_t{32} << 10);
  }
  for (void* const message : messages) {
    free(message);
  }
  free(buffer);
}

void exchange_for(double duration) {
  const double end = seconds() + duration;
  while (seconds() < end) {
    exchange_messages();
  }
}

}  // namespace

int main() {
  exchange_for(1.5);  // what the start leaves goes back
  const talc_stats before = stats();
  exchange_for(2);
  const talc_stats after = stats();
  printf("%zu\n",
         after.madvise_calls - before.madvise_calls + after.munmap_calls - before.munmap_calls);
  return 0;
}
