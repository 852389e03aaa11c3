// A program of wasi-libc whose malloc is talc's: what libc allocates, and what the program does by malloc and by
// new, are one heap. scripts/wasm links interpose/wasm/ before libc.a, and expects its last line.
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                       \
  if (!(condition)) {                                          \
    printf("wasi_program.cpp:%d: %s\n", __LINE__, #condition); \
    return 1;                                                  \
  }

extern "C" size_t malloc_usable_size(void* ptr);

int main() {
  // libc's blocks, freed and grown by us.
  char* text = strdup("allocated by libc");
  CHECK(text != nullptr && malloc_usable_size(text) >= 18);
  text = static_cast<char*>(realloc(text, 1000));
  CHECK(text != nullptr && strcmp(text, "allocated by libc") == 0);
  free(text);

  char* line = nullptr;
  CHECK(asprintf(&line, "%d and %s", 42, "more") == 11 && strcmp(line, "42 and more") == 0);
  free(line);

  // What new hands out is a block of the same heap, and goes back to it.
  int* const numbers = new int[1000];
  CHECK(malloc_usable_size(numbers) >= 1000 * sizeof(int));
  delete[] numbers;
  CHECK(malloc(1000 * sizeof(int)) == numbers);
  free(numbers);

  // Failure is ENOMEM.
  errno = 0;
  CHECK(malloc(SIZE_MAX) == nullptr && errno == ENOMEM);
  errno = 0;
  CHECK(calloc(SIZE_MAX / 2, 3) == nullptr && errno == ENOMEM);
  void* aligned = nullptr;
  CHECK(posix_memalign(&aligned, 3, 8) == EINVAL &&
        posix_memalign(&aligned, 64, SIZE_MAX) == ENOMEM);
  CHECK(posix_memalign(&aligned, 256, 8) == 0 && reinterpret_cast<uintptr_t>(aligned) % 256 == 0);
  free(aligned);

  puts("one heap");
  return 0;
}
