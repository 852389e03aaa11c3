// talc_walk, preloaded: it tells of each block once, with its usable size, and of nothing else.
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <atomic>
#include <map>
#include <thread>
#include <vector>

#include "control.hpp"

namespace {

// What a walk tells, without allocating.
struct Seen {
  static constexpr size_t kMost = 200000;
  void* blocks[kMost];
  size_t sizes[kMost];
  unsigned arenas[kMost];
  size_t count = 0;
};

Seen& seen() {
  static Seen one;
  return one;
}

int note(void* block, size_t size, unsigned arena, void* arg) {
  auto& seen = *static_cast<Seen*>(arg);
  if (seen.count == Seen::kMost) {
    return 1;
  }
  seen.blocks[seen.count] = block;
  seen.sizes[seen.count] = size;
  seen.arenas[seen.count++] = arena;
  return 0;
}

// All blocks by their address; the map's own are not among them.
std::map<void*, std::pair<size_t, unsigned>> walk() {
  seen().count = 0;
  EXPECT_EQ(talc_walk(&note, &seen()), 0);
  std::map<void*, std::pair<size_t, unsigned>> blocks;
  for (size_t i = 0; i < seen().count; ++i) {
    const bool is_new =
        blocks.emplace(seen().blocks[i], std::pair(seen().sizes[i], seen().arenas[i])).second;
    EXPECT_TRUE(is_new) << "told twice";
  }
  return blocks;
}

const std::vector<size_t> kSizes = {1,    16,    17,     100,    1000,    4000,    8192,
                                    8193, 30000, 200000, 500000, 4000000, 5000000, 20000000};

std::vector<void*> allocate_all(int times) {
  std::vector<void*> blocks;
  for (int i = 0; i < times; ++i) {
    for (const size_t size : kSizes) {
      blocks.push_back(malloc(size));
      blocks.push_back(memalign(256, size));
      blocks.push_back(memalign(65536, size));  // where a granule of the page map begins
    }
  }
  return blocks;
}

TEST(Walk, TellsOfEachBlockAndItsSize) {
  std::vector<void*> blocks = allocate_all(20);
  const auto told = walk();
  for (void* const block : blocks) {
    const auto found = told.find(block);
    ASSERT_NE(found, told.end()) << block;
    const auto [size, arena] = found->second;
    if (arena == TALC_NO_ARENA) {
      EXPECT_GE(size, malloc_usable_size(block));
    } else {
      EXPECT_EQ(size, malloc_usable_size(block));
    }
  }
  for (void* const block : blocks) {
    free(block);
  }
}

// Those in magazines and outboxes, hot ones, kept ones, ones in quarantine.
TEST(Walk, TellsOfNoneThatIsFree) {
  std::vector<void*> blocks = allocate_all(30);
  std::vector<void*> kept;
  kept.reserve(blocks.size());  // it must not grow into a block that was freed
  std::thread([&] {             // another arena's: some are on their way
    for (size_t i = 0; i < blocks.size(); ++i) {
      if (i % 3 == 0) {
        free(blocks[i]);
      } else {
        kept.push_back(blocks[i]);
      }
    }
    const auto told = walk();
    for (size_t i = 0; i < blocks.size(); i += 3) {
      EXPECT_FALSE(told.contains(blocks[i])) << i;
    }
    for (void* const block : kept) {
      EXPECT_TRUE(told.contains(block));
    }
  })
      .join();
  for (void* const block : kept) {
    free(block);
  }
  const auto told = walk();
  for (void* const block : kept) {
    EXPECT_FALSE(told.contains(block));
  }
}

// While nobody else is at work the statistics and the walk agree to the last block.
TEST(Walk, AgreesWithTheCounters) {
  std::vector<void*> blocks = allocate_all(5);
  blocks.resize(blocks.size() / 2);
  seen().count = 0;
  ASSERT_EQ(talc_walk(&note, &seen()), 0);
  const talc_stats stats = get_stats();
  EXPECT_EQ(seen().count, stats.allocations - stats.frees);
  size_t bytes = 0;
  for (size_t i = 0; i < seen().count; ++i) {
    bytes += seen().sizes[i];
  }
  if (!is_hardened()) {
    EXPECT_EQ(bytes, stats.allocated);
  }
}

TEST(Walk, StopsWhereItIsTold) {
  std::vector<void*> blocks = allocate_all(1);
  for (int most : {1, 5}) {
    int count = 0;
    struct Count {
      int* count;
      int most;
    } counter = {&count, most};
    EXPECT_EQ(talc_walk(
                  [](void*, size_t, unsigned, void* counts) {
                    auto* const arg = static_cast<Count*>(counts);
                    *arg->count += 1;
                    return *arg->count == arg->most ? 99 : 0;
                  },
                  &counter),
              99);
    EXPECT_EQ(count, most);
  }
  for (void* const block : blocks) {
    free(block);
  }
}

TEST(Walk, GoesOnWhileOthersWork) {
  std::atomic<bool> is_over = false;
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      std::vector<void*> blocks(100);
      for (unsigned round = i; !is_over; ++round) {
        void*& block = blocks[round % blocks.size()];
        free(block);
        block = malloc(kSizes[round % (kSizes.size() - 2)]);
      }
      for (void* const block : blocks) {
        free(block);
      }
    });
  }
  void* const mine = malloc(1234);
  for (int i = 0; i < 50; ++i) {
    EXPECT_TRUE(walk().contains(mine));
  }
  is_over = true;
  for (std::thread& thread : threads) {
    thread.join();
  }
  free(mine);
}

TEST(Walk, WorksInAForksChild) {
  void* const mine = malloc(1234);
  EXPECT_EQ(status_of([&] { return walk().contains(mine) ? 0 : 1; }), 0);
  free(mine);
}

TEST(Walk, TellsWhenThereIsNoMemoryForIt) {
  EXPECT_EQ(status_of([] {
              const rlimit nothing = {1, 1};
              setrlimit(RLIMIT_AS, &nothing);
              errno = 0;
              return talc_walk(&note, &seen()) == -1 && errno == ENOMEM ? 0 : 1;
            }),
            0);
}

}  // namespace
