/* A program with a malloc of its own that counts and forwards to glibc's own names, as
   profilers and old programs do. If those names called malloc in turn, it would never return;
   if some were glibc's, one heap would be given the other's blocks. Exits with 0 if all is
   well. */
#define _GNU_SOURCE
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern void* __libc_malloc(size_t size);
extern void* __libc_calloc(size_t count, size_t size);
extern void* __libc_realloc(void* block, size_t size);
extern void* __libc_memalign(size_t align, size_t size);
extern void __libc_free(void* block);

static size_t calls;

void* malloc(size_t size) {
  calls += 1;
  return __libc_malloc(size);
}

void* calloc(size_t count, size_t size) {
  calls += 1;
  return __libc_calloc(count, size);
}

void* realloc(void* block, size_t size) {
  calls += 1;
  return __libc_realloc(block, size);
}

void free(void* block) {
  calls += 1;
  __libc_free(block);
}

int main(void) {
  for (int i = 0; i < 1000; ++i) {
    char* text = NULL;
    if (asprintf(&text, "%*d", i, i) < 0) {
      return 1;
    }
    text = realloc(text, 5000);
    free(text);
    free(calloc((size_t)i, 10));
    free(memalign(64, (size_t)i));
    free(strdup("text"));
    void* block = NULL;
    if (posix_memalign(&block, 64, 100) != 0 || malloc_usable_size(block) < 100) {
      return 2;
    }
    free(block);
    free(__libc_memalign(256, 10));
  }
  return calls >= 10000 ? 0 : 3;
}
