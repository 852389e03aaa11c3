/* A C program that is linked with talc, dynamically or statically: a bit of everything that
   allocates, in the program and in libc. Exits with 0 if all is well; link_test.cpp reads the
   counters. */
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Before any constructor, talc's too where it is linked statically. */
static void* earliest_block;
static void allocate_early(void) { earliest_block = strdup("early"); }
__attribute__((section(".preinit_array"), used)) static void (*preinit)(void) = allocate_early;

static void* work(void* seed) {
  unsigned state = (unsigned)(uintptr_t)seed;
  char* kept[64] = {NULL};
  for (int i = 0; i < 20000; ++i) {
    char** slot = &kept[rand_r(&state) % 64];
    free(*slot);
    if (asprintf(slot, "%*d", rand_r(&state) % 300, i) < 0) {
      abort();
    }
  }
  for (int i = 0; i < 64; ++i) {
    free(kept[i]);
  }
  return NULL;
}

static int read_lines(void) {
  FILE* file = tmpfile();
  for (int i = 0; i < 1000; ++i) {
    fprintf(file, "%0*d\n", i, i);
  }
  rewind(file);
  char* line = NULL;
  size_t size = 0;
  int lines = 0;
  while (getline(&line, &size, file) >= 0) {
    lines += 1;
  }
  free(line);
  fclose(file);
  return lines;
}

int main(void) {
  if (strcmp(earliest_block, "early") != 0 || malloc_usable_size(earliest_block) < 6) {
    return 5;
  }
  free(earliest_block);
  volatile size_t too_large = PTRDIFF_MAX;
  errno = 0;
  if (malloc(too_large) != NULL || errno != ENOMEM) {
    return 1;
  }
  void* aligned = NULL;
  if (posix_memalign(&aligned, 4096, 100) != 0 || (uintptr_t)aligned % 4096 != 0) {
    return 2;
  }
  free(aligned);
  if (read_lines() != 1000) {
    return 3;
  }
  pthread_t threads[4];
  for (uintptr_t i = 0; i < 4; ++i) {
    pthread_create(&threads[i], NULL, work, (void*)i);
  }
  const pid_t child = fork();
  if (child == 0) {
    work((void*)9);
    _exit(0);
  }
  int status = -1;
  waitpid(child, &status, 0);
  for (int i = 0; i < 4; ++i) {
    pthread_join(threads[i], NULL);
  }
  if (status != 0 || malloc_usable_size(NULL) != 0 || mallinfo2().arena == 0) {
    return 4;
  }
  return 0;
}
