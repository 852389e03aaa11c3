// Heap efficiency: how much of an arena is live when the first request fails (eff, eff4).
//
// eff: 128 MiB, 300 rounds of 50% malloc, 10% free, 40% realloc to U[1, 100000); a round ends at the
// first failure. eff4: 512 MiB, sizes U[1, 20000), realloc to U[0, 200000) whose failures are ignored.
// Both follow Talc's benchmarks (versions 5 and 4). Usage: heap_efficiency [ROUNDS]. The C library's has
// no arena to fill. Boost's list takes minutes for what the others do in seconds: two rounds are enough,
// as rounds hardly differ; the column `fills` says how many there were.
#include <stdio.h>
#include <sys/mman.h>

#include <algorithm>
#include <vector>

#include "../common/program.hpp"
#include "peers.hpp"
#include "workload.hpp"

namespace {

struct Workload {
  const char* name;
  size_t arena_bytes;
  size_t max_realloc;
  bool realloc_failure_ends;
};

size_t request(bench::Random& random, const Workload& load) {
  return load.realloc_failure_ends ? bench::random_size(random, 10000) : random.in(1, 20000);
}

template <class Arena>
size_t fill_round(Arena& arena, bench::Random& random, const Workload& load) {
  std::vector<bench::Block> live;
  live.reserve(100000);
  for (;;) {
    const size_t action = random.in(0, 10);
    if (action < 5) {
      const size_t size = request(random, load);
      const size_t align = bench::random_align(random);
      void* const ptr = arena.malloc(size, align);
      if (ptr == nullptr) {
        break;
      }
      live.push_back({ptr, static_cast<uint32_t>(size), static_cast<uint32_t>(align)});
    } else if (!live.empty()) {
      const size_t index = random.in(0, live.size());
      bench::Block& block = live[index];
      if (action == 5) {
        arena.free(block.ptr, block.size, block.align);
        block = live.back();
        live.pop_back();
        continue;
      }
      const size_t size =
          std::max<size_t>(1, random.in(load.realloc_failure_ends, load.max_realloc));
      void* const moved = arena.realloc(block.ptr, block.size, size, block.align);
      if (moved != nullptr) {
        block.ptr = moved;
        block.size = static_cast<uint32_t>(size);
      } else if (load.realloc_failure_ends) {
        break;
      }
    }
  }
  size_t used = 0;
  for (const bench::Block& block : live) {
    used += block.size;
    arena.free(block.ptr, block.size, block.align);
  }
  return used;
}

template <class Arena>
double efficiency_percent(char* memory, const Workload& load, int rounds) {
  Arena arena(memory, load.arena_bytes);
  bench::Random random(42);
  double used = 0;
  for (int round = 0; round < rounds; ++round) {
    used += static_cast<double>(fill_round(arena, random, load));
  }
  return 100 * used / (static_cast<double>(load.arena_bytes) * rounds);
}

constexpr int kMostRoundsOfList = 2;

template <class Arena>
void run(const char* name, char* memory, const Workload& load, int rounds) {
  printf("%s,%s,%d,%.3f\n", load.name, name, rounds,
         efficiency_percent<Arena>(memory, load, rounds));
  fflush(stdout);
}

void run_all(const Workload& load, int rounds) {
  void* const memory =
      mmap(nullptr, load.arena_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    bench::fail("no memory for the arena");
  }
  char* const bytes = static_cast<char*>(memory);
  run<bench::TalcArena>("talc", bytes, load, rounds);
  run<bench::BoostTree>("boost_rbtree", bytes, load, rounds);
  run<bench::BoostList>("boost_seq_fit", bytes, load, std::min(rounds, kMostRoundsOfList));
  run<bench::Pool>("pmr_pool", bytes, load, rounds);
  munmap(memory, load.arena_bytes);
}

}  // namespace

int main(int argc, char** argv) {
  const auto rounds = static_cast<int>(argc > 1 ? bench::parse_number(argv[1], 100000) : 300);
  if (argc > 2 || rounds < 1) {
    fprintf(stderr, "usage: heap_efficiency [ROUNDS]\n");
    return 2;
  }
  printf("workload,allocator,fills,percent\n");
  run_all({"eff", size_t{128} << 20, 100000, true}, rounds);
  run_all({"eff4", size_t{512} << 20, 200000, false}, rounds);
}
