// A mix of sizes, the small ones more often, freed in several orders: the way of a busy program.
//
// After shbench (sh6bench and sh8bench) by MicroQuill, makers of SmartHeap. Each round allocates sizes
// from 1,000 bytes down, a size below 64 four times as often as one above 256; when its ring is full,
// a stretch of it is freed: oldest first, newest first, or every other block. Stresses: free lists of
// many classes at once, and frees in other orders than the allocations. Threads share nothing.
#include "common.hpp"

namespace {

constexpr size_t kRing = 4096;
constexpr size_t kStretch = 1024;
constexpr size_t kMaxSize = 1000;

class Ring {
 public:
  void add(size_t size) {
    if (count_ == kRing) {
      free_stretch();
    }
    blocks_[count_] = bench::allocate_tagged(size, size + count_);
    count_ += 1;
  }

  uint64_t finish() { return sum_ + bench::free_all_tagged(blocks_, count_); }

 private:
  void free_stretch() {
    const size_t order = turn_++ % 3;
    if (order == 0) {
      drop(1);
      count_ -= kStretch;
      memmove(blocks_, blocks_ + kStretch, count_ * sizeof *blocks_);
    } else if (order == 1) {
      for (size_t i = 0; i < kStretch; ++i) {
        count_ -= 1;
        sum_ += bench::free_tagged(blocks_[count_]);
      }
    } else {
      drop(2);
      size_t kept = 0;
      for (size_t i = 0; i < count_; ++i) {
        if (i % 2 == 1 || i >= 2 * kStretch) {
          blocks_[kept++] = blocks_[i];
        }
      }
      count_ = kept;
    }
  }

  // Frees kStretch of the oldest blocks, `step` apart.
  void drop(size_t step) {
    for (size_t i = 0; i < kStretch; ++i) {
      sum_ += bench::free_tagged(blocks_[i * step]);
    }
  }

  size_t count_;
  size_t turn_;
  uint64_t sum_;
  bench::Tagged blocks_[kRing];
};

size_t times_of(size_t size) { return size < 64 ? 4 : size < 256 ? 2 : 1; }

// All sizes once around, in steps that differ from round to round.
void play_round(Ring& ring, uint64_t round) {
  for (size_t base = kMaxSize - round % 7; base > 0; base = base * 7 / 8) {
    for (size_t size = base; size > 0; size /= 2) {
      for (size_t i = 0; i < times_of(size); ++i) {
        ring.add(size);
      }
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  const bench::Arguments arguments = bench::parse_arguments(argc, argv);
  const uint64_t rounds = arguments.scaled(55000);
  Ring* const rings = bench::make_table<Ring>(arguments.threads);
  bench::print_checksum(bench::run_threads(arguments.threads, [&](unsigned index) {
    const uint64_t count = bench::share(rounds, index, arguments.threads);
    for (uint64_t round = 0; round < count; ++round) {
      play_round(rings[index], round);
    }
    return rings[index].finish();
  }));
}
