// A server whose workers come and go: a thread inherits blocks that others allocated.
//
// After Larson and Krishnan, "Memory Allocation for Long-Running Server Applications", ISMM 1998. Each
// lane has 5,000 blocks of 8 to 999 bytes. A thread replaces 100,000 of them at random, ends, and its
// successor goes on with the same blocks. Stresses: frees by another thread than the allocating one,
// short-lived threads, a stable live set. Main allocates what the first threads inherit.
#include "common.hpp"

namespace {

constexpr size_t kBlocks = 5000;
constexpr size_t kReplacementsPerThread = 100000;
constexpr size_t kMinSize = 8;
constexpr size_t kMaxSize = 1000;

// What one thread leaves to its successor.
struct Lane {
  bench::Random random{0};
  bench::Tagged blocks[kBlocks];
};

uint64_t serve(Lane& lane) {
  uint64_t sum = 0;
  for (size_t i = 0; i < kReplacementsPerThread; ++i) {
    bench::Tagged& victim = lane.blocks[lane.random.in(0, kBlocks)];
    sum += bench::free_tagged(victim);
    victim = bench::allocate_tagged(lane.random.in(kMinSize, kMaxSize), i);
  }
  return sum;
}

}  // namespace

int main(int argc, char** argv) {
  const bench::Arguments arguments = bench::parse_arguments(argc, argv);
  const uint64_t generations = arguments.scaled(100);
  Lane* const lanes = bench::make_table<Lane>(arguments.threads);
  for (unsigned i = 0; i < arguments.threads; ++i) {
    lanes[i].random = bench::Random(i);
    for (size_t k = 0; k < kBlocks; ++k) {
      lanes[i].blocks[k] = bench::allocate_tagged(lanes[i].random.in(kMinSize, kMaxSize), k);
    }
  }
  const uint64_t sum = bench::run_threads(arguments.threads, [&](unsigned index) {
    uint64_t lane_sum = 0;
    const uint64_t count = bench::share(generations, index, arguments.threads);
    auto worker = [&](unsigned) { return serve(lanes[index]); };
    for (uint64_t generation = 0; generation < count; ++generation) {
      bench::Thread<decltype(worker)> thread;
      thread.start(worker, 0);
      lane_sum += thread.join();
    }
    return lane_sum + bench::free_all_tagged(lanes[index].blocks, kBlocks);
  });
  bench::print_checksum(sum);
}
