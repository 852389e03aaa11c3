// What a program sees when memory runs out: the heap's limit, the reserve, the OOM handler; preloaded.
// Each test has a child, for limits and handlers are the process's.
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <atomic>
#include <mutex>
#include <new>
#include <thread>
#include <vector>

#include "control.hpp"

namespace {

struct Asked {
  int reserve = 0;
  int refused = 0;
  size_t size = 0;
  void* to_free = nullptr;
};

// Frees what there is to free, once.
int free_one(int event, size_t size, void* arg) {
  auto& asked = *static_cast<Asked*>(arg);
  (event == TALC_OOM_RESERVE ? asked.reserve : asked.refused) += 1;
  asked.size = size;
  if (event == TALC_OOM_RESERVE || asked.to_free == nullptr) {
    return 0;
  }
  free(asked.to_free);
  asked.to_free = nullptr;
  errno = 4711;
  return 1;
}

TEST(HeapLimit, IsNullAndEnomemFromEveryFunction) {
  EXPECT_EQ(status_of([] {
              limit_to(30 * kMiB);
              char* const block = static_cast<char*>(malloc(20 * kMiB));
              memset(block, 'x', 20 * kMiB);
              void* aligned = nullptr;
              errno = 0;
              if (malloc(40 * kMiB) != nullptr || errno != ENOMEM) {
                return 1;
              }
              if (calloc(2, 20 * kMiB) != nullptr || valloc(40 * kMiB) != nullptr ||
                  aligned_alloc(64, 40 * kMiB) != nullptr) {
                return 2;
              }
              if (posix_memalign(&aligned, 4096, 40 * kMiB) != ENOMEM) {
                return 3;
              }
              if (realloc(block, 50 * kMiB) != nullptr || block[20 * kMiB - 1] != 'x') {
                return 4;
              }
              if (new (std::nothrow) char[40 * kMiB] != nullptr) {
                return 5;
              }
              free(block);
              return malloc(25 * kMiB) != nullptr ? 0 : 6;
            }),
            0);
}

TEST(HeapLimit, MayBeRaisedAndLowered) {
  EXPECT_EQ(status_of([] {
              limit_to(10 * kMiB);
              if (malloc(20 * kMiB) != nullptr) {
                return 1;
              }
              if (talc_ctl("heap_limit", nullptr, 0, "none") != 0) {
                return 2;
              }
              void* const block = malloc(20 * kMiB);
              if (block == nullptr || talc_ctl("heap_limit", nullptr, 0, "1M") != 0) {
                return 3;
              }
              memset(block, 1, 20 * kMiB);  // nothing is taken away
              return malloc(20 * kMiB) == nullptr ? 0 : 4;
            }),
            0);
}

TEST(OomHandler, FreesSomethingAndTheRequestIsServed) {
  EXPECT_EQ(status_of([] {
              limit_to(30 * kMiB);
              static Asked asked;
              asked.to_free = malloc(20 * kMiB);
              talc_set_oom_handler(&free_one, &asked);
              errno = 77;
              void* const block = malloc(25 * kMiB);
              if (block == nullptr || errno != 77) {
                return 1;
              }
              if (asked.refused != 1 || asked.reserve != 0 || asked.size != 25 * kMiB) {
                return 2;
              }
              if (malloc(25 * kMiB) != nullptr || errno != ENOMEM || asked.refused != 2) {
                return 3;
              }
              talc_set_oom_handler(nullptr, nullptr);
              return malloc(25 * kMiB) == nullptr && asked.refused == 2 ? 0 : 4;
            }),
            0);
}

// Small, middle and huge ones; cleared, aligned, resized, and by new.
TEST(OomHandler, IsAskedForEveryKindOfRequest) {
  const auto requests = {+[](size_t size) { return malloc(size); },
                         +[](size_t size) { return calloc(1, size); },
                         +[](size_t size) { return realloc(malloc(1), size); },
                         +[](size_t size) { return memalign(256, size); },
                         +[](size_t size) {
                           void* block = nullptr;
                           return posix_memalign(&block, 256, size) == 0 ? block : nullptr;
                         },
                         +[](size_t size) { return ::operator new(size, std::nothrow); }};
  for (const size_t size : {size_t{3000}, size_t{100000}, 12 * kMiB}) {
    for (const auto request : requests) {
      EXPECT_EQ(status_of([&] {
                  limit_to(30 * kMiB);
                  static Asked asked;
                  asked.to_free = malloc(13 * kMiB);
                  talc_set_oom_handler(&free_one, &asked);
                  while (asked.refused < 2 && request(size) != nullptr) {
                  }
                  return asked.to_free == nullptr && asked.size == size ? asked.refused : 20;
                }),
                2)
          << size;
    }
  }
}

TEST(OomHandler, IsNotAskedAboutItsOwnAllocations) {
  EXPECT_EQ(status_of([] {
              limit_to(30 * kMiB);
              static int calls = 0;
              talc_set_oom_handler(
                  [](int, size_t, void*) {
                    calls += 1;
                    void* const small = malloc(10);
                    free(small);
                    return malloc(40 * kMiB) == nullptr && small != nullptr ? 0 : 1;
                  },
                  nullptr);
              return malloc(40 * kMiB) == nullptr ? calls : 10;
            }),
            1);
}

TEST(OomHandler, MayRaiseTheLimit) {
  EXPECT_EQ(status_of([] {
              limit_to(10 * kMiB);
              talc_set_oom_handler(
                  [](int, size_t, void*) {
                    return talc_ctl("heap_limit", nullptr, 0, "none") == 0 ? 1 : 0;
                  },
                  nullptr);
              return malloc(40 * kMiB) != nullptr ? 0 : 1;
            }),
            0);
}

TEST(OomHandler, IsNotAskedForSizesThatAreNone) {
  EXPECT_EQ(status_of([] {
              static Asked asked;
              talc_set_oom_handler(&free_one, &asked);
              asked.to_free = malloc(1);
              volatile size_t most = SIZE_MAX;
              return malloc(most) == nullptr && calloc(most, most) == nullptr &&
                             malloc(most / 2 + 1) == nullptr
                         ? asked.refused
                         : 10;
            }),
            0);
}

TEST(OomHandler, IsAskedBeforeTheNewHandler) {
  EXPECT_EQ(status_of([] {
              limit_to(30 * kMiB);
              static Asked asked;
              static int new_handlers = 0;
              asked.to_free = malloc(20 * kMiB);
              talc_set_oom_handler(&free_one, &asked);
              std::set_new_handler([] {
                new_handlers += 1;
                std::set_new_handler(nullptr);
              });
              void* const block = ::operator new(25 * kMiB);
              if (block == nullptr || new_handlers != 0) {
                return 1;
              }
              try {
                void* volatile never = ::operator new(25 * kMiB);
                (void)never;
              } catch (const std::bad_alloc&) {
                return new_handlers == 1 && asked.refused == 3 ? 0 : 2;
              }
              return 3;
            }),
            0);
}

// The kernel's limit, not ours.
TEST(OomHandler, IsAskedWhenTheKernelRefuses) {
  EXPECT_EQ(status_of([] {
              static Asked asked;
              talc_set_oom_handler(&free_one, &asked);
              return malloc(size_t{1} << 46) == nullptr ? asked.refused : 10;
            }),
            1);
}

TEST(Reserve, IsGivenUpBeforeTheHandlerIsAskedAndHadAgain) {
  EXPECT_EQ(status_of([] {
              static Asked asked;
              talc_set_oom_handler(&free_one, &asked);
              limit_to(30 * kMiB);
              if (talc_set_reserve(10 * kMiB) != 0 || get_stats().reserve != 10 * kMiB) {
                return 1;
              }
              void* const most = malloc(18 * kMiB);
              void* const more = malloc(9 * kMiB);  // there is no room for it but the reserve's
              if (most == nullptr || more == nullptr || asked.reserve != 1 || asked.refused != 0 ||
                  asked.size != 9 * kMiB) {
                return 2;
              }
              if (get_stats().reserve != 0 || malloc(9 * kMiB) != nullptr || asked.refused != 1 ||
                  asked.reserve != 1) {
                return 3;
              }
              free(more);
              talc_purge();
              if (get_stats().reserve != 10 * kMiB) {
                return 4;
              }
              if (malloc(9 * kMiB) == nullptr || asked.reserve != 2) {
                return 5;
              }
              free(most);  // huge, and kept: the reserve waits for what nobody uses to go
              talc_purge();
              return get_stats().reserve == 10 * kMiB && talc_set_reserve(0) == 0 &&
                             get_stats().reserve == 0
                         ? 0
                         : 6;
            }),
            0);
}

TEST(Reserve, IsCountedAndCostsNoMemory) {
  EXPECT_EQ(status_of([] {
              talc_purge();
              const talc_stats before = get_stats();
              talc_set_reserve(200 * kMiB);
              const talc_stats after = get_stats();
              const bool is_whole = after.mapped == after.active + after.metadata + after.retained;
              return is_whole && after.mapped - before.mapped == 200 * kMiB &&
                             after.resident - before.resident < kMiB
                         ? 0
                         : 1;
            }),
            0);
}

TEST(Reserve, ThatThereIsNoRoomForIsHadLater) {
  EXPECT_EQ(status_of([] {
              limit_to(30 * kMiB);
              void* const block = malloc(25 * kMiB);
              if (talc_set_reserve(10 * kMiB) != -1) {
                return 1;
              }
              free(block);
              talc_purge();
              return get_stats().reserve == 10 * kMiB ? 0 : 2;
            }),
            0);
}

// ---- threads and forks ----

// Blocks that the handler may free: each thread's requests are served at the others' cost.
struct Shared {
  std::mutex lock;
  std::vector<void*> blocks;
  std::atomic<int> freed{0};
};

// What the page map, which the limit does not count, may have got beside it.
constexpr size_t kPageMap = 8 * kMiB;

int free_from_shared(int, size_t, void* arg) {
  auto& shared = *static_cast<Shared*>(arg);
  const std::lock_guard guard(shared.lock);
  if (shared.blocks.empty()) {
    return 1;  // those that are on their way are soon there
  }
  for (int i = 0; i < 4 && !shared.blocks.empty(); ++i) {
    free(shared.blocks.back());
    shared.blocks.pop_back();
    shared.freed += 1;
  }
  return 1;
}

TEST(OomHandler, ServesEightThreadsAtTheLimit) {
  EXPECT_EQ(status_of([] {
              static Shared shared;
              shared.blocks.reserve(100000);
              limit_to(60 * kMiB);
              talc_set_oom_handler(&free_from_shared, &shared);
              std::atomic<int> wrong = 0;
              std::vector<std::thread> threads;
              for (unsigned index = 0; index < 8; ++index) {
                threads.emplace_back([&, index] {
                  const size_t size = index < 4 ? 300000 : index < 6 ? 5 * kMiB : 20000;
                  for (int round = 0; round < 150; ++round) {
                    auto* const block = static_cast<char*>(malloc(size));
                    if (block == nullptr) {
                      wrong += 1;
                      return;
                    }
                    block[0] = block[size - 1] = 1;
                    const std::lock_guard guard(shared.lock);
                    shared.blocks.push_back(block);
                  }
                });
              }
              for (std::thread& thread : threads) {
                thread.join();
              }
              const talc_stats stats = get_stats();
              return wrong == 0 && shared.freed > 0 &&
                             stats.mapped - stats.purged <= stats.heap_limit + kPageMap
                         ? 0
                         : 1;
            }),
            0);
}

TEST(OomHandler, WorksInAForksChild) {
  EXPECT_EQ(status_of([] {
              static Asked asked;
              limit_to(30 * kMiB);
              talc_set_oom_handler(&free_one, &asked);
              asked.to_free = malloc(20 * kMiB);
              const int status = status_of(
                  [] { return malloc(25 * kMiB) != nullptr && asked.refused == 1 ? 0 : 1; });
              return status == 0 && asked.refused == 0 ? 0 : 2;
            }),
            0);
}

TEST(OomHandler, MayBeSetByManyThreadsWhileOthersRunOut) {
  EXPECT_EQ(status_of([] {
              static int numbers[2] = {1, 2};
              static std::atomic<int> wrong = 0;
              limit_to(10 * kMiB);
              std::vector<std::thread> threads;
              for (int i = 0; i < 2; ++i) {
                threads.emplace_back([] {
                  for (int round = 0; round < 20000; ++round) {
                    talc_set_oom_handler(
                        [](int, size_t, void* arg) {
                          wrong += *static_cast<int*>(arg) == 1 ? 0 : 1;
                          return 0;
                        },
                        &numbers[0]);
                    talc_set_oom_handler(
                        [](int, size_t, void* arg) {
                          wrong += *static_cast<int*>(arg) == 2 ? 0 : 1;
                          return 0;
                        },
                        &numbers[1]);
                  }
                });
                threads.emplace_back([] {
                  for (int round = 0; round < 300; ++round) {
                    wrong += malloc(20 * kMiB) != nullptr;
                  }
                });
              }
              for (std::thread& thread : threads) {
                thread.join();
              }
              return wrong == 0 ? 0 : 1;
            }),
            0);
}

}  // namespace
