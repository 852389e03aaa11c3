// Pointers that free and its kin must not get.
#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <new>

#include "misuse.hpp"

namespace misuse {
namespace {

void free_twice(size_t size) {
  void* const block = malloc(size);
  void* const neighbour = malloc(size);
  free(announce(block));
  free(announce(block));
  free(neighbour);
}

// Between the two, so many other blocks that every cache has been emptied.
void free_twice_far_apart(size_t size) {
  void* blocks[5000];
  void* neighbours[5000];  // their slabs stay
  for (size_t i = 0; i < 5000; ++i) {
    blocks[i] = malloc(size);
    neighbours[i] = malloc(size);
  }
  free(announce(blocks[0]));
  for (size_t i = 1; i < 5000; ++i) {
    free(blocks[i]);
  }
  free(hide(blocks[0]));
  malloc_trim(0);
  for (void* const neighbour : neighbours) {
    free(hide(neighbour));
  }
}

void free_in_two_threads(size_t size) {
  static void* block;
  block = announce(malloc(size));  // what it prints needs memory: not where the block was
  pthread_t other;
  pthread_create(
      &other, nullptr,
      [](void*) -> void* {
        free(hide(block));
        return nullptr;
      },
      nullptr);
  pthread_join(other, nullptr);
  free(hide(block));
  malloc_trim(0);
}

void* on_the_stack() {
  static thread_local char* kept;
  alignas(16) char bytes[64];
  kept = bytes;
  return announce(kept);
}

void* foreign_mapping() {
  return announce(
      mmap(nullptr, 1 << 16, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

// A library opened so that it sees libc before us has libc's own malloc.
void* from_another_malloc() {
  void* const library = dlopen("libplugin.so", RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
  void* const allocate = library == nullptr ? nullptr : dlsym(library, "plugin_malloc");
  return allocate == nullptr ? nullptr : announce(reinterpret_cast<void* (*)(size_t)>(allocate)(9));
}

alignas(16) char in_the_program[64];

bool is_mapped(void* page) {
  unsigned char resident = 0;
  return mincore(page, 1, &resident) == 0;
}

// Where the heap begins that a middle block is in: below it is nothing.
void* heap_start() {
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  char* const block = static_cast<char*>(malloc(50000));
  char* start = block - reinterpret_cast<uintptr_t>(block) % page;
  while (is_mapped(start - page)) {
    start -= page;
  }
  return announce(start);
}

// The first of the pages without access between blocks whose sizes divide a page, so that one of them could
// begin there: null if there is none, as in the plain library.
void* guard_page() {
  uintptr_t lowest = ~uintptr_t{0};
  uintptr_t highest = 0;
  for (int i = 0; i < 40000; ++i) {
    const auto block = reinterpret_cast<uintptr_t>(malloc(48));
    lowest = block < lowest ? block : lowest;
    highest = block > highest ? block : highest;
  }
  FILE* const maps = fopen("/proc/self/maps", "re");
  char line[512];
  uintptr_t found = 0;
  while (found == 0 && maps != nullptr && fgets(line, sizeof line, maps) != nullptr) {
    char* end = nullptr;
    const uintptr_t start = strtoul(line, &end, 16);
    found = strstr(end, " ---p ") != nullptr && start > lowest && start < highest ? start : 0;
  }
  return found == 0 ? nullptr : announce(reinterpret_cast<void*>(found));
}

bool address_is_multiple(const void* ptr, uintptr_t of) {
  return reinterpret_cast<uintptr_t>(ptr) % of == 0;
}

const Misuse misuses[] = {
    {"double_free_small", [] { free_twice(24); }},
    {"double_free_middle", [] { free_twice(50000); }},
    {"double_free_huge", [] { free_twice(size_t{64} << 20); }},
    {"double_free_far_apart", [] { free_twice_far_apart(100); }},
    {"double_free_in_two_threads_small", [] { free_in_two_threads(100); }},
    {"double_free_in_two_threads_middle", [] { free_in_two_threads(50000); }},
    {"double_delete",
     [] {
       auto* const block = ::operator new(100);
       ::operator delete(announce(block));
       ::operator delete(announce(block));
     }},
    {"realloc_after_free",
     [] {
       void* const block = malloc(100);
       free(announce(block));
       block == realloc(announce(block), 200) ? puts("same") : puts("other");
     }},
    {"free_stack", [] { free(on_the_stack()); }},
    {"free_static", [] { free(announce(in_the_program)); }},
    {"free_mapping", [] { free(foreign_mapping()); }},
    {"free_deep_bound", [] { free(from_another_malloc()); }},
    {"realloc_deep_bound",
     [] { realloc(from_another_malloc(), 100) == nullptr ? puts("null") : puts("not null"); }},
    {"free_small_integer", [] { free(announce(reinterpret_cast<void*>(0x40))); }},
    {"free_kernel_address", [] { free(announce(reinterpret_cast<void*>(0xffffffffff600000))); }},
    {"free_non_canonical", [] { free(announce(reinterpret_cast<void*>(0x1234567890abc0))); }},
    {"free_unmapped", [] { free(announce(reinterpret_cast<void*>(0x10000000000))); }},
    {"free_heap_start", [] { free(heap_start()); }},
    {"usable_size_heap_start", [] { printf("%zu\n", malloc_usable_size(heap_start())); }},
    {"free_guard", [] { free(guard_page()); }},
    {"free_misaligned", [] { free(announce(static_cast<char*>(malloc(100)) + 1)); }},
    {"free_misaligned_word", [] { free(announce(static_cast<char*>(malloc(100)) + 8)); }},
    {"free_misaligned_huge", [] { free(announce(static_cast<char*>(malloc(64 << 20)) + 3)); }},
    {"free_inside_huge", [] { free(announce(static_cast<char*>(malloc(64 << 20)) + (32 << 20))); }},
    {"realloc_stack",
     [] { realloc(on_the_stack(), 100) == nullptr ? puts("null") : puts("not null"); }},
    {"realloc_misaligned",
     [] {
       realloc(announce(static_cast<char*>(malloc(100)) + 4), 200) == nullptr ? puts("null")
                                                                              : puts("not null");
     }},
    {"usable_size_after_free",
     [] {
       void* const block = malloc(100);
       free(announce(block));
       printf("%zu\n", malloc_usable_size(hide(block)));
     }},
    // Found when it reaches its slab.
    {"free_inside_small",
     [] {
       free(announce(static_cast<char*>(malloc(100)) + 16));
       malloc_trim(0);
     }},
    {"free_inside_middle", [] { free(announce(static_cast<char*>(malloc(50000)) + 4096)); }},
    {"delete_wrong_size",
     [] {
       void* const block = ::operator new(100);
       ::operator delete(announce(block), 200);
     }},
    {"delete_wrong_align",
     [] {
       void* block = nullptr;
       do {
         block = hide(::operator new(70));
       } while (address_is_multiple(block, 64));
       ::operator delete (announce(block), 70, std::align_val_t{64});
     }},
    {"free_sized_wrong_size",
     [] {
       auto* const free_sized =
           reinterpret_cast<void (*)(void*, size_t)>(dlsym(RTLD_DEFAULT, "free_sized"));
       free_sized(announce(malloc(100)), 101);
     }},
    {"usable_size_stack", [] { printf("%zu\n", malloc_usable_size(on_the_stack())); }},
    {"delete_static", [] { ::operator delete(announce(in_the_program)); }},
};

}  // namespace

Table pointers() { return {misuses, sizeof misuses / sizeof misuses[0]}; }

}  // namespace misuse
