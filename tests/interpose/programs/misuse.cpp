// One misuse of the heap for each name given as argument; talc must end the program at it. Says
// "survived" when it does not. misuse_test.cpp has what must stand on standard error.
#include <dlfcn.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <new>

namespace {

// Told to the test, so that it can compare the pointer in talc's line.
void* announce(void* ptr) {
  printf("%#lx\n", reinterpret_cast<unsigned long>(ptr));
  fflush(stdout);
  asm volatile("" : "+r"(ptr));
  return ptr;
}

void free_twice(size_t size) {
  void* const block = malloc(size);
  void* const neighbour = malloc(size);
  free(announce(block));
  free(announce(block));
  free(neighbour);
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

struct Misuse {
  const char* name;
  void (*commit)();
};

const Misuse misuses[] = {
    {"double_free_small", [] { free_twice(24); }},
    {"double_free_middle", [] { free_twice(50000); }},
    {"double_free_huge", [] { free_twice(size_t{64} << 20); }},
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
    {"usable_size_stack", [] { printf("%zu\n", malloc_usable_size(on_the_stack())); }},
    {"delete_static", [] { ::operator delete(announce(in_the_program)); }},
};

}  // namespace

int main(int argc, char** argv) {
  for (const Misuse& misuse : misuses) {
    if (argc == 2 && strcmp(argv[1], misuse.name) == 0) {
      misuse.commit();
      puts("survived");
      return 0;
    }
  }
  fprintf(stderr, "no such misuse\n");
  return 2;
}
