/* What the programs that live through moments share: a check that ends the program, a use of
   malloc that notices when another hand is on its blocks, threads, children, and the main that
   lives the moment named by its argument. C and C++; every function is used by some program only. */
#pragma once

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define REQUIRE(condition)                                        \
  do {                                                            \
    if (!(condition)) {                                           \
      fprintf(stderr, "line %d: not %s\n", __LINE__, #condition); \
      exit(1);                                                    \
    }                                                             \
  } while (0)

struct moment {
  const char* name;
  void (*live)(void);
};

static volatile bool stop;

/* Small blocks and middle ones, each with contents that are its own. */
static inline void use_malloc(void) {
  char* blocks[40];
  for (size_t i = 0; i < 40; ++i) {
    blocks[i] = (char*)malloc(i * i * 7 + 1);
    REQUIRE(blocks[i] != NULL);
    blocks[i][i * i * 7] = (char)i;
  }
  for (size_t i = 0; i < 40; ++i) {
    REQUIRE(blocks[i][i * i * 7] == (char)i);
    blocks[i] = (char*)realloc(blocks[i], 2000);
    free(blocks[i]);
  }
}

static inline void* use_malloc_once(void* result) {
  use_malloc();
  return result;
}

static inline void* keep_allocating(void* result) {
  while (!stop) {
    use_malloc();
  }
  return result;
}

static inline void start_threads(pthread_t* threads, int count, void* (*body)(void*)) {
  for (int i = 0; i < count; ++i) {
    REQUIRE(pthread_create(&threads[i], NULL, body, NULL) == 0);
  }
}

static inline void join_threads(const pthread_t* threads, int count) {
  for (int i = 0; i < count; ++i) {
    REQUIRE(pthread_join(threads[i], NULL) == 0);
  }
}

static inline void stop_threads(const pthread_t* threads, int count) {
  stop = true;
  join_threads(threads, count);
}

static inline void wait_for(pid_t child) {
  int status = -1;
  REQUIRE(child > 0);
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(status == 0);
}

/* Where there is no talc nothing was shown, however well it went. */
static inline void require_talc(void) {
  Dl_info info;
  REQUIRE(dladdr(dlsym(RTLD_DEFAULT, "malloc"), &info) != 0);
  REQUIRE(strstr(info.dli_fname, "libtalc") != NULL);
}

/* The exit status of a main with these arguments. */
static inline int live_moment(int argc, char** argv, const struct moment* moments, size_t count) {
  require_talc();
  for (size_t i = 0; argc >= 2 && i < count; ++i) {
    if (strcmp(argv[1], moments[i].name) == 0) {
      moments[i].live();
      return 0;
    }
  }
  fprintf(stderr, "no such moment\n");
  return 2;
}
