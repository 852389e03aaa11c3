// Tail latency: how long single calls of malloc, free and realloc take, most of them and the slowest.
//
//   latency THREADS [SCALE_PERCENT [BUCKETS_FILE]]
//
// THREADS threads replace, grow and swap blocks at random, of 16 bytes to 1 MiB, small ones mostly; the
// calls of the first are timed one by one, the others are load until it ends. Prints, as CSV, the
// median, p99, p99.9 and the maximum of each call, less what reading the clock costs. BUCKETS_FILE gets
// the whole distribution. Memory is written outside of the timed calls, so a fault of fresh memory counts
// only where the allocator itself meets it. The kernel's interruptions are in the maximum.
#include <string.h>

#include <atomic>

#include "../common/program.hpp"
#include "../common/random.hpp"
#include "clock.hpp"
#include "histogram.hpp"

namespace {

constexpr uint64_t kActions = 2000000;
constexpr uint64_t kWarmUpActions = 100000;
constexpr size_t kSlots = 20000;
constexpr size_t kTransfers = 256;

enum Operation { kMalloc, kFree, kRealloc, kOperations };
constexpr const char* kNames[kOperations] = {"malloc", "free", "realloc"};

struct Block {
  void* ptr;
  size_t size;
};

bench::Histogram histograms[kOperations];
std::atomic<void*> transfers[kTransfers];
std::atomic<bool> ended = false;

size_t random_size(bench::Random& random) {
  const size_t percent = random.in(0, 1000);
  if (percent < 900) {
    return random.in(16, random.in(17, 1025));
  }
  return percent < 998 ? random.in(1024, 32768) : random.in(32768, 1048577);
}

// Calls, timed or not: the load is the same code as the measurement.
template <bool kTimed>
class Player {
 public:
  explicit Player(unsigned index)
      : random_(index), blocks_(bench::make_table<Block>(kSlots)), overhead_(clock_overhead()) {}

  void play(bool record) {
    record_ = record;
    Block& block = blocks_[random_.in(0, kSlots)];
    const size_t choice = random_.in(0, 100);
    if (choice < 10 && block.ptr != nullptr) {
      grow(block);
    } else if (choice < 20) {
      // What others allocated is freed here, and the other way round.
      release(transfers[random_.in(0, kTransfers)].exchange(block.ptr));
      block = {};
    } else {
      release(block.ptr);
      block.size = random_size(random_);
      block.ptr = timed(kMalloc, [&] { return malloc(block.size); });
      use(block, 0);
    }
  }

 private:
  static uint64_t clock_overhead() { return kTimed ? bench::least_ticks() : 0; }

  void grow(Block& block) {
    const size_t old_size = block.size;
    block.size =
        random_.percent(50) ? old_size + random_.in(1, old_size + 1) : random_size(random_);
    block.ptr = timed(kRealloc, [&] { return realloc(block.ptr, block.size); });
    use(block, old_size < block.size ? old_size : block.size);
  }

  void release(void* ptr) {
    if (ptr != nullptr) {
      timed(kFree, [&] {
        free(ptr);
        return nullptr;
      });
    }
  }

  // The program's own writes, of what is new.
  static void use(const Block& block, size_t from) {
    if (block.ptr == nullptr) {
      bench::fail("out of memory");
    }
    memset(static_cast<char*>(block.ptr) + from, 1, block.size - from);
    bench::escape(block.ptr);
  }

  template <class Call>
  void* timed(Operation operation, Call call) {
    if constexpr (!kTimed) {
      return call();
    } else {
      const uint64_t start = bench::ticks();
      void* const result = call();
      const uint64_t spent = bench::ticks() - start;
      if (record_) {
        histograms[operation].add(spent > overhead_ ? spent - overhead_ : 0);
      }
      return result;
    }
  }

  bench::Random random_;
  Block* blocks_;
  uint64_t overhead_;
  bool record_ = false;
};

uint64_t measure(uint64_t actions) {
  Player<true> player(0);
  for (uint64_t i = 0; i < kWarmUpActions + actions; ++i) {
    player.play(i >= kWarmUpActions);
  }
  ended = true;
  return 0;
}

uint64_t load(unsigned index) {
  Player<false> player(index);
  while (!ended.load(std::memory_order_relaxed)) {
    player.play(false);
  }
  return 0;
}

void print_summary(double ns) {
  printf("operation,count,p50_ns,p99_ns,p99_9_ns,max_ns\n");
  for (size_t i = 0; i < kOperations; ++i) {
    const bench::Histogram& seen = histograms[i];
    printf("%s,%ju,%.1f,%.1f,%.1f,%.1f\n", kNames[i], uintmax_t{seen.count()},
           ns * seen.percentile(50), ns * seen.percentile(99), ns * seen.percentile(99.9),
           ns * static_cast<double>(seen.max()));
  }
}

void write_buckets(FILE* file, double ns) {
  fprintf(file, "operation,from_ns,to_ns,count\n");
  for (size_t i = 0; i < kOperations; ++i) {
    for (size_t bucket = 0; bucket < bench::Histogram::kBuckets; ++bucket) {
      if (histograms[i].count_of(bucket) != 0) {
        fprintf(file, "%s,%.1f,%.1f,%ju\n", kNames[i], ns * bench::Histogram::lower_edge(bucket),
                ns * bench::Histogram::lower_edge(bucket + 1),
                uintmax_t{histograms[i].count_of(bucket)});
      }
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  const uint64_t threads = argc > 1 ? bench::parse_number(argv[1], bench::kMaxThreads) : 0;
  const uint64_t percent = argc > 2 ? bench::parse_number(argv[2], 100000) : 100;
  if (argc > 4 || threads == 0 || percent == 0) {
    fprintf(stderr, "usage: latency THREADS [SCALE_PERCENT [BUCKETS_FILE]]  (%u THREADS at most)\n",
            bench::kMaxThreads);
    return 2;
  }
  FILE* const buckets = argc == 4 ? fopen(argv[3], "w") : nullptr;
  if (argc == 4 && buckets == nullptr) {
    bench::fail("cannot write BUCKETS_FILE");
  }
  const double ns = bench::ns_per_tick();
  bench::run_threads(static_cast<unsigned>(threads), [&](unsigned index) {
    return index == 0 ? measure(kActions * percent / 100 + 1) : load(index);
  });
  print_summary(ns);
  if (buckets != nullptr) {
    write_buckets(buckets, ns);
    if (fclose(buckets) != 0) {
      bench::fail("cannot write BUCKETS_FILE");
    }
  }
}
