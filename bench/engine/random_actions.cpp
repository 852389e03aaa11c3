// Random actions: how many operations a second, beside glibc's malloc on the same stream in the same
// run.
//
// 3/7 malloc, 3/7 free, 1/7 realloc to U[1, 3 max), or none; at least 300 blocks live. The arena is
// touched before. Rounds alternate between the allocators; medians are printed, and their ratio.
// Usage: random_actions [ROUNDS [ACTIONS]]
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include <algorithm>
#include <vector>

#include "peers.hpp"
#include "workload.hpp"

namespace {

constexpr size_t kArenaBytes = size_t{128} << 20;
constexpr size_t kLeastLive = 300;

double now_seconds() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

// One action, drawn before the clock starts, so that the generator is not measured.
struct Action {
  uint32_t choice;  // 0 to 2: malloc; 3 to 5: free, unless too few live; 6: realloc
  uint32_t size;
  uint32_t align;
  uint32_t pick;  // which of the live blocks: a fraction of 2^32
};

std::vector<Action> draw_actions(size_t max_size, bool with_realloc, size_t count) {
  bench::Random random(12345);
  std::vector<Action> actions(count);
  for (Action& action : actions) {
    action.choice = static_cast<uint32_t>(random.in(0, with_realloc ? 7 : 6));
    action.size = static_cast<uint32_t>(action.choice == 6 ? random.in(1, 3 * max_size)
                                                           : bench::random_size(random, max_size));
    action.align = static_cast<uint32_t>(bench::random_align(random));
    action.pick = static_cast<uint32_t>(random.next());
  }
  return actions;
}

// Million actions a second. `live` has room for as many blocks as there are actions.
template <class Allocator>
double play(Allocator& allocator, const std::vector<Action>& actions, bench::Block* live) {
  size_t count = 0;
  const double start = now_seconds();
  for (const Action& action : actions) {
    bench::Block& picked = live[(uint64_t{action.pick} * count) >> 32];
    if (action.choice == 6) [[unlikely]] {
      if (count != 0) {
        picked.ptr = allocator.realloc(picked.ptr, picked.size, action.size, picked.align);
        picked.size = action.size;
      }
    } else if (action.choice < 3 || count < kLeastLive) {
      live[count] = {allocator.malloc(action.size, action.align), action.size, action.align};
      count += 1;
    } else {
      allocator.free(picked.ptr, picked.size);
      count -= 1;
      picked = live[count];
    }
  }
  const double seconds = now_seconds() - start;
  for (size_t i = 0; i < count; ++i) {
    allocator.free(live[i].ptr, live[i].size);
  }
  return static_cast<double>(actions.size()) / seconds / 1e6;
}

template <class Allocator>
double play_in(char* memory, const std::vector<Action>& actions, bench::Block* live) {
  Allocator allocator(memory, kArenaBytes);
  return play(allocator, actions, live);
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? atoi(argv[1]) : 7;
  const size_t action_count = argc > 2 ? strtoull(argv[2], nullptr, 10) : 2000000;
  if (rounds < 1 || action_count < 1) {
    fprintf(stderr, "usage: random_actions [ROUNDS [ACTIONS]]\n");
    return 2;
  }
  void* const arena =
      mmap(nullptr, kArenaBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (arena == MAP_FAILED) {
    perror("random_actions: mmap");
    return 1;
  }
  memset(arena, 0xab, kArenaBytes);
  printf("workload,max_size,glibc_mops,boost_mops,talc_mops,talc_per_glibc\n");
  for (const bool with_realloc : {true, false}) {
    for (const size_t max_size : {200U, 1000U, 3000U, 10000U, 30000U}) {
      const std::vector<Action> actions = draw_actions(max_size, with_realloc, action_count);
      std::vector<bench::Block> live(action_count + 1);
      std::vector<double> scores[3];
      for (int round = 0; round < rounds; ++round) {
        char* const memory = static_cast<char*>(arena);
        scores[0].push_back(play_in<bench::Glibc>(memory, actions, live.data()));
        scores[1].push_back(play_in<bench::BoostArena>(memory, actions, live.data()));
        scores[2].push_back(play_in<bench::TalcArena>(memory, actions, live.data()));
      }
      printf("%s,%zu,%.2f,%.2f,%.2f,%.3f\n", with_realloc ? "ra" : "ranr", max_size,
             median(scores[0]), median(scores[1]), median(scores[2]),
             median(scores[2]) / median(scores[0]));
      fflush(stdout);
    }
  }
}
