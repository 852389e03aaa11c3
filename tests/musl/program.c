/* A program in C with musl as its libc, linked with libtalc.a: scripts/musl builds and runs it. Threads, a
   fork, and what libc allocates itself. Exits with 0 if all is well and talc served it. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <talc/control.h>
#include <talc/talc.h>
#include <unistd.h>

enum { thread_count = 4, rounds = 20000 };

static void require(int is_true, int line) {
  if (!is_true) {
    fprintf(stderr, "tests/musl/program.c:%d\n", line);
    exit(1);
  }
}
#define REQUIRE(condition) require(condition, __LINE__)

static struct talc_stats get_stats(void) {
  struct talc_stats stats;
  stats.size = sizeof stats;
  talc_stats_get(&stats);
  return stats;
}

/* Blocks of 1 to 100,000 bytes that keep what is written to their ends. */
static void* work(void* seed) {
  unsigned state = (unsigned)(uintptr_t)seed;
  unsigned char* kept[64] = {NULL};
  size_t sizes[64] = {0};
  for (int i = 0; i < rounds; ++i) {
    const int slot = rand_r(&state) % 64;
    const unsigned char mark = (unsigned char)(slot + 1);
    if (kept[slot] != NULL) {
      REQUIRE(kept[slot][0] == mark && kept[slot][sizes[slot] - 1] == mark);
      free(kept[slot]);
    }
    sizes[slot] = 1 + (size_t)rand_r(&state) % (i % 100 == 0 ? 100000 : 500);
    kept[slot] = malloc(sizes[slot]);
    REQUIRE(kept[slot] != NULL);
    kept[slot][0] = kept[slot][sizes[slot] - 1] = mark;
  }
  for (int slot = 0; slot < 64; ++slot) {
    free(kept[slot]);
  }
  return NULL;
}

static void use_threads(void) {
  const size_t before = get_stats().allocations;
  pthread_t threads[thread_count];
  for (uintptr_t i = 0; i < thread_count; ++i) {
    REQUIRE(pthread_create(&threads[i], NULL, work, (void*)i) == 0);
  }
  const pid_t child = fork();
  if (child == 0) {
    work((void*)9);
    _exit(0);
  }
  int status = -1;
  waitpid(child, &status, 0);
  REQUIRE(status == 0);
  for (int i = 0; i < thread_count; ++i) {
    pthread_join(threads[i], NULL);
  }
  REQUIRE(get_stats().allocations - before >= (size_t)thread_count * rounds);
}

static void let_libc_allocate(void) {
  const size_t before = get_stats().allocations;
  FILE* const file = tmpfile();
  char* line = NULL;
  size_t size = 0;
  char* text = NULL;
  REQUIRE(file != NULL && asprintf(&text, "%0500d\n", 7) == 501);
  REQUIRE(fputs(text, file) >= 0);
  rewind(file);
  REQUIRE(getline(&line, &size, file) == 501 && strcmp(line, text) == 0);
  fclose(file);
  free(line);
  free(text);
  REQUIRE(get_stats().allocations - before >= 3);
}

static void use_every_function(void) {
  volatile size_t too_large = PTRDIFF_MAX;
  errno = 0;
  REQUIRE(malloc(too_large) == NULL && errno == ENOMEM);
  REQUIRE(calloc(too_large, 3) == NULL);
  void* aligned = NULL;
  REQUIRE(posix_memalign(&aligned, 4096, 100) == 0 && (uintptr_t)aligned % 4096 == 0);
  free(aligned);
  aligned = aligned_alloc(256, 512);
  REQUIRE(aligned != NULL && (uintptr_t)aligned % 256 == 0);
  free(aligned);
  char* grown = calloc(1, 10);
  for (size_t bytes = 10; bytes <= (size_t)64 << 20; bytes *= 2) {
    grown = realloc(grown, bytes);
    REQUIRE(grown != NULL && grown[9] == 0);
  }
  free(grown);
}

static void use_an_arena(void) {
  static char memory[1 << 16];
  talc_arena* const arena = talc_arena_create(memory, sizeof memory);
  REQUIRE(arena != NULL);
  void* const block = talc_arena_malloc(arena, 100, 64);
  REQUIRE((char*)block > memory && (char*)block < memory + sizeof memory);
  talc_arena_free(arena, block, 100, 64);
  REQUIRE(talc_arena_check(arena) == 0);
}

int main(void) {
  use_every_function();
  let_libc_allocate();
  use_threads();
  use_an_arena();
  printf("%zu blocks from talc\n", get_stats().allocations);
  return 0;
}
