// Pointers that are not ours, under each value of TALC_FOREIGN; preloaded. They are glibc's own: from
// its malloc, as its own library sees it.
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <new>
#include <thread>
#include <vector>

#include "control.hpp"

namespace {

// The compiler is not to see what is wrong.
void free_number(size_t number) {
  void* volatile block = reinterpret_cast<void*>(number);
  free(block);
}

template <class Function>
Function* of_libc(const char* name) {
  static void* const libc = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
  return reinterpret_cast<Function*>(dlsym(libc, name));
}

void* libc_malloc(size_t size) { return of_libc<void*(size_t)>("malloc")(size); }

// What glibc's own heap has handed out.
size_t libc_live() {
  const struct mallinfo2 info = of_libc<struct mallinfo2()>("mallinfo2")();
  return info.uordblks + info.hblkhd;
}

// In a child: everything there has the one line on standard error, so it is closed.
template <class Body>
int status_with(const char* value, Body body) {
  return status_of([&] {
    if (talc_ctl("foreign", nullptr, 0, value) != 0) {
      return 80;
    }
    return body();
  });
}

constexpr size_t kSizes[] = {100, 100000, 5 * kMiB};

TEST(Foreign, PointersEndTheProcessUnlessItIsTold) {
  void* const block = libc_malloc(100);
  EXPECT_EXIT(free(block), testing::KilledBySignal(SIGABRT), "^talc: invalid pointer: 0x");
  EXPECT_EXIT((void)!realloc(block, 5), testing::KilledBySignal(SIGABRT),
              "^talc: invalid pointer: 0x");
  EXPECT_EXIT(malloc_usable_size(block), testing::KilledBySignal(SIGABRT),
              "^talc: invalid pointer: 0x");
}

TEST(Foreign, PointersAreIgnored) {
  EXPECT_EQ(
      status_with("ignore",
                  [] {
                    for (const size_t size : kSizes) {
                      char* volatile block =
                          static_cast<char*>(libc_malloc(size));  // used after it is freed
                      block[0] = 'x';
                      const size_t before = libc_live();
                      errno = 77;
                      free(block);
                      free(block);
                      ::operator delete(block);
                      if (libc_live() != before || block[0] != 'x' || errno != 77) {
                        return 1;
                      }
                      if (malloc_usable_size(block) != 0) {
                        return 2;
                      }
                      if (realloc(block, 5) != nullptr || errno != ENOMEM || block[0] != 'x') {
                        return 3;
                      }
                    }
                    static char memory[100];
                    free(memory + 16);
                    free_number(16);
                    return 0;
                  }),
      0);
}

TEST(Foreign, PointersAreHandedToLibc) {
  EXPECT_EQ(status_with("libc",
                        [] {
                          for (const size_t size : kSizes) {
                            const size_t before = libc_live();
                            auto* block = static_cast<char*>(libc_malloc(size));
                            block[size - 1] = 'x';
                            const size_t with = libc_live();
                            if (with < before + size || malloc_usable_size(block) < size) {
                              return 1;
                            }
                            block = static_cast<char*>(realloc(block, 2 * size));
                            if (block == nullptr || block[size - 1] != 'x' ||
                                libc_live() < before + 2 * size) {
                              return 2;
                            }
                            errno = 77;
                            free(block);
                            if (errno != 77 || (size > 1000 && libc_live() > before + 2000)) {
                              return 3;
                            }
                          }
                          return 0;
                        }),
            0);
}

TEST(Foreign, PointersAreHandedToLibcByManyThreadsAtOnce) {
  EXPECT_EQ(status_with("libc",
                        [] {
                          of_libc<void*(size_t)>("malloc");
                          std::vector<std::thread> threads;
                          for (int i = 0; i < 8; ++i) {
                            threads.emplace_back([] {
                              for (int round = 0; round < 1000; ++round) {
                                free(libc_malloc(100));
                                free(malloc(100));
                              }
                            });
                          }
                          for (std::thread& thread : threads) {
                            thread.join();
                          }
                          return 0;
                        }),
            0);
}

// Another allocator's memory comes to lie where a block of ours was.
TEST(Foreign, PointersMayBeWhereOursWere) {
  EXPECT_EQ(status_with("ignore",
                        [] {
                          char* const block = static_cast<char*>(malloc(100 * kMiB));
                          free(block);
                          if (mmap(block, kMiB, PROT_READ | PROT_WRITE,
                                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != block) {
                            return 1;
                          }
                          free(block + 64);
                          return malloc_usable_size(block + 64) == 0 ? 0 : 2;
                        }),
            0);
}

TEST(Foreign, DoesNotForgiveWhatIsDoneToOurBlocks) {
  for (const char* const value : {"ignore", "libc"}) {
    EXPECT_EQ(status_with(value,
                          [] {
                            close(STDERR_FILENO);
                            void* const block = malloc(100000);
                            free(static_cast<char*>(block) + 16);
                            return 0;
                          }),
              1000 + SIGABRT);
    EXPECT_EQ(status_with(value,
                          [] {
                            close(STDERR_FILENO);
                            void* const block = malloc(10 * kMiB);
                            free(block);
                            free(block);
                            return 0;
                          }),
              1000 + SIGABRT);
  }
}

}  // namespace
