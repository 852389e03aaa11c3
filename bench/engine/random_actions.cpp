// Random actions: how many operations a second, beside glibc's malloc on the same stream in the same
// run.
//
//   random_actions THREADS [ROUNDS [ACTIONS]]
//
// 3/7 malloc, 3/7 free, 1/7 realloc to U[1, 3 max), or none; at least 300 blocks live. With several
// threads each has its own stream and blocks, and they share ACTIONS and the allocator, which has a lock
// then. The arena is touched before. Rounds alternate between the allocators; medians are printed.
// Boost's list plays only the first actions of the stream: its time grows with the number of gaps.
#include <string.h>
#include <time.h>

#include <algorithm>
#include <vector>

#include "../common/program.hpp"
#include "peers.hpp"
#include "workload.hpp"

namespace {

constexpr size_t kArenaBytesPerThread = size_t{128} << 20;
constexpr size_t kLeastLive = 300;
constexpr unsigned kMostThreads = 16;

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

std::vector<Action> draw_actions(uint64_t seed, size_t max_size, bool with_realloc, size_t count) {
  bench::Random random(seed);
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

void* must(void* ptr) {
  if (ptr == nullptr) [[unlikely]] {
    bench::fail("the arena is too small");
  }
  return ptr;
}

// What one thread does, and the blocks that it has. `live` has room for one per action.
struct Player {
  std::vector<Action> actions;
  std::vector<bench::Block> live;
  size_t live_count = 0;

  template <class Allocator>
  void play(Allocator& allocator, size_t action_count) {
    size_t count = 0;
    for (size_t i = 0; i < action_count; ++i) {
      const Action& action = actions[i];
      bench::Block& picked = live[(uint64_t{action.pick} * count) >> 32];
      if (action.choice == 6) [[unlikely]] {
        if (count != 0) {
          picked.ptr = must(allocator.realloc(picked.ptr, picked.size, action.size, picked.align));
          picked.size = action.size;
        }
      } else if (action.choice < 3 || count < kLeastLive) {
        live[count] = {must(allocator.malloc(action.size, action.align)), action.size,
                       action.align};
        count += 1;
      } else {
        allocator.free(picked.ptr, picked.size, picked.align);
        count -= 1;
        picked = live[count];
      }
    }
    live_count = count;
  }

  template <class Allocator>
  void clear(Allocator& allocator) {
    for (size_t i = 0; i < live_count; ++i) {
      allocator.free(live[i].ptr, live[i].size, live[i].align);
    }
  }
};

struct Arena {
  char* memory;
  size_t size_bytes;
};

// Million actions a second of all players together, of which each plays `1 / share` of its stream.
template <class Allocator>
double play_in(Arena arena, std::vector<Player>& players, size_t share) {
  Allocator allocator(arena.memory, arena.size_bytes);
  const size_t action_count = (players[0].actions.size() + share - 1) / share;
  const auto threads = static_cast<unsigned>(players.size());
  const double start = now_seconds();
  bench::run_threads(threads, [&](unsigned index) {
    players[index].play(allocator, action_count);
    return uint64_t{0};
  });
  const double seconds = now_seconds() - start;
  for (Player& player : players) {
    player.clear(allocator);
  }
  return static_cast<double>(action_count * threads) / seconds / 1e6;
}

struct Contender {
  const char* name;
  double (*play)(Arena, std::vector<Player>&, size_t share);
  size_t share;
};

constexpr Contender kSingleThreaded[] = {
    {"glibc", play_in<bench::Glibc>, 1},    {"boost_rbtree", play_in<bench::BoostTree>, 1},
    {"talc", play_in<bench::TalcArena>, 1}, {"boost_seq_fit", play_in<bench::BoostList>, 20},
    {"pmr_pool", play_in<bench::Pool>, 1},
};

constexpr Contender kThreadSafe[] = {
    {"glibc", play_in<bench::Glibc>, 1},
    {"boost_rbtree", play_in<bench::Locked<bench::BoostTree>>, 1},
    {"talc", play_in<bench::TalckArena>, 1},
    {"pmr_pool", play_in<bench::SharedPool>, 1},
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

template <size_t kCount>
void compete(const Contender (&contenders)[kCount], Arena arena, std::vector<Player>& players,
             size_t rounds, const char* label) {
  std::vector<double> scores[kCount];
  for (size_t round = 0; round < rounds; ++round) {
    for (size_t i = 0; i < kCount; ++i) {
      // In another order each round.
      const size_t at = (i + round) % kCount;
      scores[at].push_back(contenders[at].play(arena, players, contenders[at].share));
    }
  }
  for (size_t i = 0; i < kCount; ++i) {
    printf("%s,%s,%.3f\n", label, contenders[i].name, median(scores[i]));
  }
  fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  const auto threads =
      static_cast<unsigned>(argc > 1 ? bench::parse_number(argv[1], kMostThreads) : 0);
  const size_t rounds = argc > 2 ? bench::parse_number(argv[2], 1000) : 7;
  const size_t action_count = argc > 3 ? bench::parse_number(argv[3], 100000000) : 2000000;
  if (argc > 4 || threads < 1 || rounds < 1 || action_count < threads) {
    fprintf(stderr, "usage: random_actions THREADS [ROUNDS [ACTIONS]], at most %u threads\n",
            kMostThreads);
    return 2;
  }
  const Arena arena{bench::make_table<char>(kArenaBytesPerThread * threads),
                    kArenaBytesPerThread * threads};
  memset(arena.memory, 0xab, arena.size_bytes);
  printf("threads,realloc,max_size,allocator,mops\n");
  for (const bool with_realloc : {true, false}) {
    for (const size_t max_size : {200U, 1000U, 3000U, 10000U, 30000U}) {
      std::vector<Player> players(threads);
      for (unsigned i = 0; i < threads; ++i) {
        players[i].actions =
            draw_actions(12345 + i, max_size, with_realloc, action_count / threads);
        players[i].live.resize(players[i].actions.size() + 1);
      }
      char label[64];
      snprintf(label, sizeof label, "%u,%d,%zu", threads, with_realloc, max_size);
      if (threads == 1) {
        compete(kSingleThreaded, arena, players, rounds, label);
      } else {
        compete(kThreadSafe, arena, players, rounds, label);
      }
    }
  }
}
