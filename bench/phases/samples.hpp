// Samples of how much memory the process has, and how much of it is live blocks; the CSV of them.
//
// Samples go to memory from mmap: taking one calls no allocator. Used by cycle.cpp and fragmentation.cpp.
#pragma once

#include <stdint.h>
#include <stdio.h>

#include "../common/program.hpp"
#include "clock.hpp"
#include "resident.hpp"

namespace bench {

class Samples {
 public:
  void take(const char* phase, uint64_t live_bytes) {
    if (count_ == kRoom) {
      fail("more samples than there is room for");
    }
    samples_[count_++] = {now_seconds() - start_, phase, live_bytes, resident_.bytes()};
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

  double start_ = now_seconds();
  Resident resident_;
  Sample* samples_ = make_table<Sample>(kRoom);
  size_t count_ = 0;
};

}  // namespace bench
