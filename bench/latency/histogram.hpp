// A histogram whose buckets grow with the value, so that each is exact to 1/32 of it.
//
// As in HdrHistogram by Gil Tene: 32 buckets for each power of two, values below 32 one by one. It is
// static memory, and adding is a few instructions: it does not disturb what is measured.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace bench {

class Histogram {
  static constexpr unsigned kBits = 5;
  static constexpr size_t kPerPower = size_t{1} << kBits;

 public:
  static constexpr size_t kBuckets = (64 - kBits + 1) * kPerPower;

  void add(uint64_t value) {
    counts_[bucket_of(value)] += 1;
    count_ += 1;
    max_ = value > max_ ? value : max_;
  }

  uint64_t count() const { return count_; }
  uint64_t max() const { return max_; }
  uint64_t count_of(size_t bucket) const { return counts_[bucket]; }

  // The least value in a bucket; those below 32 have a bucket each.
  static double lower_edge(size_t bucket) {
    if (bucket < 2 * kPerPower) {
      return static_cast<double>(bucket);
    }
    const size_t power = bucket / kPerPower - 1;
    return static_cast<double>(kPerPower + bucket % kPerPower) *
           static_cast<double>(uint64_t{1} << power);
  }

  // The middle of the bucket in which so many percent of the values have been seen; 0 if there are none.
  double percentile(double percent) const {
    const double wanted = percent / 100 * static_cast<double>(count_);
    uint64_t seen = 0;
    for (size_t bucket = 0; bucket < kBuckets; ++bucket) {
      seen += counts_[bucket];
      if (seen != 0 && static_cast<double>(seen) >= wanted) {
        return (lower_edge(bucket) + lower_edge(bucket + 1) - 1) / 2;
      }
    }
    return 0;
  }

 private:
  static size_t bucket_of(uint64_t value) {
    if (value < kPerPower) {
      return static_cast<size_t>(value);
    }
    const unsigned power = 63 - static_cast<unsigned>(__builtin_clzll(value)) - kBits;
    return (power + 1) * kPerPower + static_cast<size_t>((value >> power) - kPerPower);
  }

  uint64_t counts_[kBuckets] = {};
  uint64_t count_ = 0;
  uint64_t max_ = 0;
};

}  // namespace bench
