// Churn whose sizes and lifetimes drift: how much more is resident than live, after hours of a server's
// work in some ten seconds.
//
// About 48 MiB are live. (With 128 MiB and as many more allocations it takes a minute, and what is resident
// is the same multiple of what is live, within a tenth.) Sizes spread around a centre that wanders from 32
// bytes to 4 KiB and back, four times in all, so that what is freed fits what is needed less and less. Of a
// hundred blocks 80 live shortly (a queue of 1,000), 18 are replaced at random, 2 stay from one wave to the
// next and pin whatever surrounds them. One thread; the work is fixed, the time is the allocator's.
#include <math.h>
#include <string.h>

#include "../common/program.hpp"
#include "../common/random.hpp"
#include "samples.hpp"
#include "workloads.hpp"

namespace bench {
namespace {

constexpr uint64_t kLiveTarget = uint64_t{48} << 20;
constexpr uint64_t kAllocations = 56000000;
constexpr uint64_t kSamples = 600;
constexpr double kWaves = 4;
constexpr double kMinCentre = 32;
constexpr double kMaxCentre = 4096;
constexpr uint64_t kCentreEvery = 4096;
constexpr size_t kQueue = 1000;
constexpr size_t kPoolRoom = size_t{1} << 21;
constexpr size_t kPinned = 11000;

struct Block {
  void* ptr;
  size_t size;
};

class Churn {
 public:
  void set_centre(double bytes) { centre_ = static_cast<size_t>(bytes); }
  uint64_t live_bytes() const { return live_bytes_; }

  void step() {
    const size_t fate = random_.in(0, 100);
    if (fate < 80) {
      Block& oldest = queue_[steps_++ % kQueue];
      release(oldest);
      oldest = allocate();
    } else if (fate < 98) {
      shrink_pool();
      pool_[pool_count_++] = allocate();
    } else {
      Block& pinned = pinned_[random_.in(0, kPinned)];
      // One in fifty takes another's place: with these counts that is less than once in a wave.
      if (pinned.ptr == nullptr || random_.percent(2)) {
        release(pinned);
        pinned = allocate();
      }
    }
  }

 private:
  // Down to the target, block after block at random; and there is always room for one more.
  void shrink_pool() {
    while (pool_count_ != 0 && (live_bytes_ > kLiveTarget || pool_count_ == kPoolRoom)) {
      Block& victim = pool_[random_.in(0, pool_count_)];
      release(victim);
      victim = pool_[--pool_count_];
    }
  }

  // From a quarter of the centre to nearly twice it.
  Block allocate() {
    const size_t size = random_.in(centre_ / 4, 2 * centre_);
    void* const ptr = malloc(size);
    if (ptr == nullptr) {
      fail("out of memory");
    }
    memset(ptr, 1, size);
    escape(ptr);
    live_bytes_ += size;
    return {ptr, size};
  }

  void release(const Block& block) {
    live_bytes_ -= block.size;
    free(block.ptr);
  }

  // Resident from the start, so that it does not grow beside the heap.
  static Block* make_blocks(size_t count) {
    Block* const blocks = make_table<Block>(count);
    for (size_t i = 0; i < count; ++i) {
      blocks[i] = {nullptr, 0};
      escape(blocks + i);
    }
    return blocks;
  }

  Random random_{0};
  Block* queue_ = make_blocks(kQueue);
  Block* pool_ = make_blocks(kPoolRoom);
  Block* pinned_ = make_blocks(kPinned);
  size_t pool_count_ = 0;
  size_t centre_ = static_cast<size_t>(kMinCentre);
  uint64_t steps_ = 0;
  uint64_t live_bytes_ = 0;
};

// Waves of the logarithm, beginning at the small end.
double centre_at(double progress) {
  const double height = 0.5 - 0.5 * cos(2 * M_PI * kWaves * progress);
  return kMinCentre * pow(kMaxCentre / kMinCentre, height);
}

}  // namespace

void run_fragmentation(uint64_t scale_percent) {
  const uint64_t steps = kAllocations * scale_percent / 100;
  Churn churn;
  Samples samples;
  uint64_t next_sample = 0;
  for (uint64_t i = 0; i < steps; ++i) {
    if (i % kCentreEvery == 0) {
      churn.set_centre(centre_at(static_cast<double>(i) / static_cast<double>(steps)));
      if (i >= next_sample) {
        samples.take("churn", churn.live_bytes());
        next_sample += steps / kSamples;
      }
    }
    churn.step();
  }
  samples.take("end", churn.live_bytes());
  samples.print();
}

}  // namespace bench
