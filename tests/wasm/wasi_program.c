/* A program of wasi-libc whose malloc is talc's: what libc allocates and what the program does are one heap.
   scripts/wasm builds it in C, links interpose/wasm/malloc.cpp before libc.a, and expects its last line. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                     \
  if (!(condition)) {                                        \
    printf("wasi_program.c:%d: %s\n", __LINE__, #condition); \
    return 1;                                                \
  }

size_t malloc_usable_size(void* ptr);

int main(void) {
  /* libc's blocks, freed and grown by us. */
  char* text = strdup("allocated by libc");
  CHECK(text != NULL && malloc_usable_size(text) >= 18);
  text = realloc(text, 1000);
  CHECK(text != NULL && strcmp(text, "allocated by libc") == 0);
  free(text);

  char* line = NULL;
  CHECK(asprintf(&line, "%d and %s", 42, "more") == 11 && strcmp(line, "42 and more") == 0);
  free(line);

  /* Failure is ENOMEM. */
  errno = 0;
  CHECK(malloc(SIZE_MAX) == NULL && errno == ENOMEM);
  errno = 0;
  CHECK(calloc(SIZE_MAX / 2, 3) == NULL && errno == ENOMEM);
  void* aligned = NULL;
  CHECK(posix_memalign(&aligned, 3, 8) == EINVAL &&
        posix_memalign(&aligned, 64, SIZE_MAX) == ENOMEM);
  CHECK(posix_memalign(&aligned, 256, 8) == 0 && (uintptr_t)aligned % 256 == 0);
  free(aligned);

  puts("one heap");
  return 0;
}
