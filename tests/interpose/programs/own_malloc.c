/* A program with a malloc of its own that counts and forwards to glibc's own names, as
   profilers and old programs do. If those names called malloc in turn, it would never return;
   if some were glibc's, one heap would be given the other's blocks. It brings the four functions
   that it must: what others make of these must come to them. Exits with 0 if all is well. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern void* __libc_malloc(size_t size);
extern void* __libc_calloc(size_t count, size_t size);
extern void* __libc_realloc(void* block, size_t size);
extern void* __libc_memalign(size_t align, size_t size);
extern void __libc_free(void* block);

/* Volatile: the compiler takes it for granted that the functions of libc do not call those here. */
static volatile size_t calls;

void* malloc(size_t size) {
  calls = calls + 1;
  return __libc_malloc(size);
}

void* calloc(size_t count, size_t size) {
  calls = calls + 1;
  return __libc_calloc(count, size);
}

void* realloc(void* block, size_t size) {
  calls = calls + 1;
  return __libc_realloc(block, size);
}

void free(void* block) {
  calls = calls + 1;
  __libc_free(block);
}

/* Whether these come to the functions above, with each block. */
static int are_served_by_name(void) {
  void (*const free_sized)(void*, size_t) =
      (void (*)(void*, size_t))dlsym(RTLD_DEFAULT, "free_sized");
  void (*const free_aligned_sized)(void*, size_t, size_t) =
      (void (*)(void*, size_t, size_t))dlsym(RTLD_DEFAULT, "free_aligned_sized");
  const size_t before = calls;
  const volatile size_t too_many = (size_t)-1;
  void* block = reallocarray(NULL, 10, 10);
  block = reallocarray(block, 100, 100);
  if (reallocarray(block, too_many, 2) != NULL || calls != before + 2) {
    return 0;
  }
  free_sized(block, 10000);
  free_aligned_sized(__libc_memalign(64, 640), 64, 640);
  return calls == before + 4;
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
  if (!are_served_by_name()) {
    return 4;
  }
  return calls >= 10000 ? 0 : 3;
}
