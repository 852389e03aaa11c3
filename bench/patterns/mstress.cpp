// Random work of threads that hand blocks to one another, and are started anew in each round.
//
// After test-stress by Daan Leijen (mimalloc; `mstress` in mimalloc-bench). Blocks are one to a hundred
// items of up to eight words, mostly few, some cleared (calloc); each thread keeps some to its end, frees
// others at random, and swaps some with whatever lies in a table that all share. Stresses: everything at
// once, and above all frees of other threads' blocks. Every word of each block is verified.
#include <atomic>

#include "common.hpp"

namespace {

constexpr size_t kTransfers = 1000;
constexpr uint64_t kRounds = 60;
constexpr uint64_t kBlocksPerRound = 72000;
constexpr uint64_t kCookie = 0xbf58476d1ce4e5b9ULL;

std::atomic<uint64_t*> transfers[kTransfers];

uint64_t* allocate_items(bench::Random& random) {
  size_t words = random.in(1, 9);
  if (random.percent(1)) {
    words *= 100;
  } else if (random.percent(10)) {
    words *= 10;
  }
  uint64_t* const block = static_cast<uint64_t*>(
      random.percent(25) ? calloc(words, sizeof(uint64_t)) : malloc(words * sizeof(uint64_t)));
  if (block == nullptr) {
    bench::fail("out of memory");
  }
  for (size_t i = 0; i < words; ++i) {
    block[i] = (words - i) ^ kCookie;
  }
  return block;
}

// Returns how many words there were.
uint64_t free_items(uint64_t* block) {
  if (block == nullptr) {
    return 0;
  }
  const uint64_t words = block[0] ^ kCookie;
  for (uint64_t i = 0; i < words; ++i) {
    if ((block[i] ^ kCookie) != words - i) {
      bench::fail("a block does not hold what was written");
    }
  }
  free(block);
  return words;
}

// `kept` and `loose` have room for as many blocks.
uint64_t stress(uint64_t blocks, uint64_t seed, uint64_t** kept, uint64_t** loose) {
  bench::Random random(seed);
  size_t kept_count = 0;
  size_t loose_count = 0;
  uint64_t sum = 0;
  for (uint64_t i = 0; i < blocks; ++i) {
    if (random.percent(50)) {
      kept[kept_count++] = allocate_items(random);
    } else {
      loose[loose_count++] = allocate_items(random);
    }
    if (loose_count != 0 && random.percent(66)) {
      uint64_t*& victim = loose[random.in(0, loose_count)];
      sum += free_items(victim);
      victim = nullptr;
    }
    if (loose_count != 0 && random.percent(25)) {
      uint64_t*& mine = loose[random.in(0, loose_count)];
      mine = transfers[random.in(0, kTransfers)].exchange(mine);
    }
  }
  for (size_t i = 0; i < kept_count; ++i) {
    sum += free_items(kept[i]);
  }
  for (size_t i = 0; i < loose_count; ++i) {
    sum += free_items(loose[i]);
  }
  return sum;
}

}  // namespace

int main(int argc, char** argv) {
  const bench::Arguments arguments = bench::parse_arguments(argc, argv);
  const uint64_t rounds = arguments.scaled(kRounds);
  uint64_t** const tables = bench::make_table<uint64_t*>(2 * kBlocksPerRound * arguments.threads);
  uint64_t sum = 0;
  for (uint64_t round = 0; round < rounds; ++round) {
    sum += bench::run_threads(arguments.threads, [&](unsigned index) {
      uint64_t** const kept = tables + 2 * kBlocksPerRound * index;
      const uint64_t blocks = bench::share(kBlocksPerRound, index, arguments.threads);
      return stress(blocks, round * bench::kMaxThreads + index, kept, kept + kBlocksPerRound);
    });
    // What is in transfer stays for the next round's threads, half of it.
    for (size_t i = round + 1 == rounds ? 0 : kTransfers / 2; i < kTransfers; ++i) {
      sum += free_items(transfers[i].exchange(nullptr));
    }
  }
  bench::print_checksum(sum);
}
