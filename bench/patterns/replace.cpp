// Random replacement in a working set of a fixed number of small blocks.
//
// The steady state of most allocator papers' synthetic loads (Zorn and Grunwald, "Evaluating Models of
// Memory Allocation", 1994): a random block is freed, another of 8 to 255 bytes takes its place. With 10^3
// blocks everything is in the caches; with 10^5 the blocks no longer are, with 10^6 nor is the TLB's
// reach, and how densely blocks lie decides. The set is divided among the threads, which share nothing.
#include "common.hpp"

namespace {

constexpr size_t kMinSize = 8;
constexpr size_t kMaxSize = 256;
constexpr uint64_t kMaxBlocks = 10000000;

// Misses make a replacement in a larger set slower: fewer of them, for a similar time.
uint64_t full_work(uint64_t blocks) {
  if (blocks <= 10000) {
    return 50000000;
  }
  return blocks <= 500000 ? 18000000 : 5500000;
}

uint64_t replace(bench::Tagged* blocks, size_t count, uint64_t replacements, uint64_t seed) {
  bench::Random random(seed);
  uint64_t sum = 0;
  for (size_t i = 0; i < count; ++i) {
    blocks[i] = bench::allocate_tagged(bench::skewed_size(random, kMinSize, kMaxSize), i);
  }
  for (uint64_t i = 0; i < replacements; ++i) {
    bench::Tagged& victim = blocks[random.in(0, count)];
    sum += bench::free_tagged(victim);
    victim = bench::allocate_tagged(bench::skewed_size(random, kMinSize, kMaxSize), i);
  }
  return sum + bench::free_all_tagged(blocks, count);
}

}  // namespace

int main(int argc, char** argv) {
  const bench::Arguments arguments =
      bench::parse_arguments(argc, argv, bench::kMaxThreads, "BLOCKS", kMaxBlocks);
  const uint64_t replacements = arguments.scaled(full_work(arguments.parameter));
  const uint64_t per_thread = arguments.parameter / arguments.threads + 1;
  bench::Tagged* const blocks = bench::make_table<bench::Tagged>(per_thread * arguments.threads);
  bench::print_checksum(bench::run_threads(arguments.threads, [&](unsigned index) {
    const uint64_t count = bench::share(arguments.parameter, index, arguments.threads);
    const uint64_t work = bench::share(replacements, index, arguments.threads);
    return count == 0 ? 0 : replace(blocks + per_thread * index, count, work, index);
  }));
}
