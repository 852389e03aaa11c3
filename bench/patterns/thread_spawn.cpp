// Threads that are started, allocate a little, free all of it, and end.
//
// After t-test1 by Wolfram Gloger (ptmalloc), which replaces each thread that ends by a new one. A thread
// allocates 100 blocks of 16 to 4,095 bytes and frees them. Stresses: what an allocator sets up for a
// thread at its first call and takes down at its end. THREADS threads run at once; how many there are in
// all does not depend on it.
#include "common.hpp"

namespace {

constexpr size_t kBlocks = 100;
constexpr size_t kMinSize = 16;
constexpr size_t kMaxSize = 4096;
constexpr uint64_t kThreads = 10000;

uint64_t live_and_end(uint64_t seed) {
  bench::Random random(seed);
  bench::Tagged blocks[kBlocks];
  for (bench::Tagged& block : blocks) {
    block = bench::allocate_tagged(bench::skewed_size(random, kMinSize, kMaxSize), random.next());
  }
  return bench::free_all_tagged(blocks, kBlocks);
}

}  // namespace

int main(int argc, char** argv) {
  const bench::Arguments arguments = bench::parse_arguments(argc, argv);
  const uint64_t threads = arguments.scaled(kThreads);
  bench::print_checksum(bench::run_threads(arguments.threads, [&](unsigned index) {
    uint64_t sum = 0;
    const uint64_t count = bench::share(threads, index, arguments.threads);
    for (uint64_t i = 0; i < count; ++i) {
      auto life = [&](unsigned) { return live_and_end(i * bench::kMaxThreads + index); };
      bench::Thread<decltype(life)> thread;
      thread.start(life, 0);
      sum += thread.join();
    }
    return sum;
  }));
}
