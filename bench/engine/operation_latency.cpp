// How long one malloc, free or realloc of the engine takes, beside its peers, for box-and-whisker plots.
//
//   operation_latency [SCALE_PERCENT]
//
// Replaces one of 1,000 live blocks at random, of sizes up to 10,000 bytes as in random_actions; every
// tenth action is a realloc instead. Each call is timed by the processor's counter, less what reading it
// costs. Prints percentiles and the mean, in nanoseconds. Not for the tail, which the kernel's
// interruptions make: see latency/. The arena is touched before.
#include <string.h>

#include <algorithm>
#include <memory>

#include "../common/program.hpp"
#include "../latency/clock.hpp"
#include "../latency/histogram.hpp"
#include "peers.hpp"
#include "workload.hpp"

namespace {

constexpr size_t kArenaBytes = size_t{128} << 20;
constexpr size_t kLive = 1000;
constexpr size_t kMaxSize = 10000;
constexpr uint64_t kActions = 1000000;
constexpr double kPercentiles[] = {5, 25, 50, 75, 95};

enum Operation { kMalloc, kFree, kRealloc, kOperations };
constexpr const char* kNames[kOperations] = {"malloc", "free", "realloc"};

struct Clock {
  double ns_per_tick = bench::ns_per_tick();
  uint64_t overhead_ticks = bench::least_ticks();
};

struct Measured {
  bench::Histogram ticks;
  uint64_t sum = 0;

  void add(uint64_t value) {
    ticks.add(value);
    sum += value;
  }
};

template <class Allocator>
class Trial {
 public:
  Trial(char* memory, const Clock& clock) : allocator_(memory, kArenaBytes), clock_(clock) {}

  void play(uint64_t actions) {
    for (bench::Block& block : live_) {
      allocate(block);
    }
    for (Measured& measured : measured_) {
      measured = {};
    }
    for (uint64_t i = 0; i < actions; ++i) {
      bench::Block& block = live_[random_.in(0, kLive)];
      if (random_.in(0, 10) == 0) {
        resize(block);
      } else {
        timed(kFree, [&] { allocator_.free(block.ptr, block.size, block.align); });
        allocate(block);
      }
    }
  }

  void free_all() {
    for (bench::Block& block : live_) {
      allocator_.free(block.ptr, block.size, block.align);
    }
  }

  void print(const char* name) const {
    for (int i = 0; i < kOperations; ++i) {
      const Measured& measured = measured_[i];
      printf("%s,%s", kNames[i], name);
      for (const double percent : kPercentiles) {
        printf(",%.1f", measured.ticks.percentile(percent) * clock_.ns_per_tick);
      }
      printf(",%.1f\n", static_cast<double>(measured.sum) * clock_.ns_per_tick /
                            static_cast<double>(measured.ticks.count()));
    }
    fflush(stdout);
  }

 private:
  void allocate(bench::Block& block) {
    const size_t size = bench::random_size(random_, kMaxSize);
    const size_t align = bench::random_align(random_);
    timed(kMalloc, [&] { block.ptr = allocator_.malloc(size, align); });
    finish(block, size);
    block.align = static_cast<uint32_t>(align);
  }

  void resize(bench::Block& block) {
    const size_t size = random_.in(1, 3 * kMaxSize);
    timed(kRealloc,
          [&] { block.ptr = allocator_.realloc(block.ptr, block.size, size, block.align); });
    finish(block, size);
  }

  static void finish(bench::Block& block, size_t size) {
    if (block.ptr == nullptr) {
      bench::fail("the arena is too small");
    }
    block.size = static_cast<uint32_t>(size);
    bench::escape(block.ptr);
  }

  template <class Call>
  void timed(Operation operation, Call call) {
    const uint64_t start = bench::ticks();
    call();
    const uint64_t spent = bench::ticks() - start;
    measured_[operation].add(spent - std::min(spent, clock_.overhead_ticks));
  }

  Allocator allocator_;
  Clock clock_;
  bench::Random random_{12345};
  bench::Block live_[kLive] = {};
  Measured measured_[kOperations] = {};
};

template <class Allocator>
void run(const char* name, char* memory, const Clock& clock, uint64_t actions) {
  // The first pass warms up caches, and glibc's heap; its figures are dropped with the trial.
  for (const uint64_t divisor : {uint64_t{10}, uint64_t{1}}) {
    auto trial = std::make_unique<Trial<Allocator>>(memory, clock);
    trial->play(actions / divisor);
    trial->free_all();
    if (divisor == 1) {
      trial->print(name);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  const uint64_t percent = argc > 1 ? bench::parse_number(argv[1], 10000) : 100;
  if (argc > 2 || percent < 1) {
    fprintf(stderr, "usage: operation_latency [SCALE_PERCENT]\n");
    return 2;
  }
  char* const memory = bench::make_table<char>(kArenaBytes);
  memset(memory, 0xab, kArenaBytes);
  const Clock clock;
  const uint64_t actions = kActions * percent / 100;
  printf("operation,allocator,p5_ns,p25_ns,p50_ns,p75_ns,p95_ns,mean_ns\n");
  run<bench::TalcArena>("talc", memory, clock, actions);
  run<bench::Glibc>("glibc", memory, clock, actions);
  run<bench::BoostTree>("boost_rbtree", memory, clock, actions);
  run<bench::BoostList>("boost_seq_fit", memory, clock, actions);
  run<bench::Pool>("pmr_pool", memory, clock, actions);
}
