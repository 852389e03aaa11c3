// Samples of how much memory the process has, and how much of it is live blocks; the CSV of them.
//
// The kernel's count is read by pread into a buffer on the stack, samples go to memory from mmap: taking
// one calls no allocator. What was resident when the object was made (the program, its tables, the
// library as it starts) is subtracted: what is left is the allocator's heap, or nearly.
#pragma once

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "../common/program.hpp"

namespace bench {

inline double now_seconds() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

class Samples {
 public:
  Samples() {
    if (file_ < 0) {
      fail("cannot open /proc/self/statm");
    }
    resident_at_start_ = resident_bytes();
  }
  Samples(const Samples&) = delete;
  Samples& operator=(const Samples&) = delete;
  ~Samples() { close(file_); }

  void take(const char* phase, uint64_t live_bytes) {
    const uint64_t resident = resident_bytes();
    if (count_ == kRoom) {
      fail("more samples than there is room for");
    }
    samples_[count_++] = {now_seconds() - start_, phase, live_bytes,
                          resident > resident_at_start_ ? resident - resident_at_start_ : 0};
  }

  void print() const {
    printf("time_s,phase,live_bytes,resident_bytes\n");
    for (size_t i = 0; i < count_; ++i) {
      const Sample& sample = samples_[i];
      printf("%.3f,%s,%ju,%ju\n", sample.time_s, sample.phase, uintmax_t{sample.live_bytes},
             uintmax_t{sample.resident_bytes});
    }
  }

 private:
  struct Sample {
    double time_s;
    const char* phase;
    uint64_t live_bytes;
    uint64_t resident_bytes;
  };

  // Enough for half an hour at fifty a second.
  static constexpr size_t kRoom = 100000;

  // The second number of the line, in pages.
  uint64_t resident_bytes() const {
    char line[256];
    const ssize_t length = pread(file_, line, sizeof line - 1, 0);
    if (length <= 0) {
      fail("cannot read /proc/self/statm");
    }
    line[length] = '\0';
    char* end = line;
    strtoull(line, &end, 10);
    return strtoull(end, nullptr, 10) * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  }

  int file_ = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  double start_ = now_seconds();
  uint64_t resident_at_start_ = 0;
  Sample* samples_ = make_table<Sample>(kRoom);
  size_t count_ = 0;
};

}  // namespace bench
