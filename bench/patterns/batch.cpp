// Batches: many blocks are allocated, then all of them freed, again and again.
//
// After bench-malloc-simple of glibc, which allocates and frees in batches to get past its per-thread
// cache, and after the phases of a compiler or a request. Blocks of 8 to 511 bytes. The batch is freed in
// the order of allocation and in reverse by turns. Batches of 10^3 ask whether caches are large enough;
// with 10^5 memory moves to and from the shared heap. Threads share nothing.
#include "common.hpp"

namespace {

constexpr size_t kMinSize = 8;
constexpr size_t kMaxSize = 512;
constexpr uint64_t kMaxBlocks = 1000000;
// Large batches are slower: fewer blocks, for a similar time.
uint64_t full_work(uint64_t per_batch) { return per_batch <= 10000 ? 22000000 : 16000000; }

uint64_t play_batch(bench::Random& random, bench::Tagged* blocks, size_t count, bool reverse) {
  for (size_t i = 0; i < count; ++i) {
    blocks[i] = bench::allocate_tagged(bench::skewed_size(random, kMinSize, kMaxSize), i);
  }
  if (!reverse) {
    return bench::free_all_tagged(blocks, count);
  }
  uint64_t sum = 0;
  for (size_t i = count; i > 0; --i) {
    sum += bench::free_tagged(blocks[i - 1]);
  }
  return sum;
}

}  // namespace

int main(int argc, char** argv) {
  const bench::Arguments arguments =
      bench::parse_arguments(argc, argv, bench::kMaxThreads, "BLOCKS", kMaxBlocks);
  const uint64_t per_batch = arguments.parameter;
  const uint64_t batches = arguments.scaled(full_work(per_batch)) / per_batch + 1;
  bench::Tagged* const blocks = bench::make_table<bench::Tagged>(per_batch * arguments.threads);
  bench::print_checksum(bench::run_threads(arguments.threads, [&](unsigned index) {
    bench::Random random(index);
    uint64_t sum = 0;
    const uint64_t count = bench::share(batches, index, arguments.threads);
    for (uint64_t i = 0; i < count; ++i) {
      sum += play_batch(random, blocks + per_batch * index, per_batch, i % 2 == 1);
    }
    return sum;
  }));
}
