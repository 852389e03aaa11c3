/* The moments at which a preloaded malloc is known to break, one for each name given as
   argument. Exits with 0 if all is well; lifecycle_test.cpp kills it if it hangs. Forks are in
   forks.c, threads and signals in their own files, libraries that come and go in loading.cpp. */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>

#include "moments.h"

extern int early_result;
extern char** environ;

/* Before any constructor but that of talc, which is the first where it is preloaded. (linked.c has
   it the other way round.) */
static int preinit_result = -1;

static void before_constructors(void) {
  pthread_t thread;
  start_threads(&thread, 1, use_malloc_once);
  use_malloc();
  join_threads(&thread, 1);
  /* Not found: dlsym makes its message, with malloc. */
  const bool is_missing = dlsym(RTLD_DEFAULT, "no such symbol") == NULL && dlerror() != NULL;
  preinit_result = is_missing && dlsym(RTLD_DEFAULT, "malloc") != NULL ? 0 : 1;
}

__attribute__((section(".preinit_array"), used)) static void (*preinit)(void) = before_constructors;

static void early(void) {
  REQUIRE(early_result == 0);
  REQUIRE(preinit_result == 0);
}

/* The child's memory is the parent's, and what it does there with malloc must be the parent's. */
static int live_in_parents_memory(void* kept) {
  use_malloc();
  free(malloc(10 << 20));
  *(void**)kept = malloc(50000);
  return 0;
}

static void* use_malloc_often(void* result) {
  for (int i = 0; i < 50; ++i) {
    use_malloc();
  }
  return result;
}

static void clone_with_memory(void) {
  static char stack[256 << 10] __attribute__((aligned(64)));
  void* kept = NULL;
  wait_for(
      clone(live_in_parents_memory, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, &kept));
  REQUIRE(kept != NULL);
  memset(kept, 1, 50000);
  /* A new thread gets a cache: none that another thread of the parent still has. */
  pthread_t thread;
  start_threads(&thread, 1, use_malloc_often);
  use_malloc_often(NULL);
  join_threads(&thread, 1);
  free(kept);
}

static void spawn(void) {
  pthread_t thread;
  start_threads(&thread, 1, keep_allocating);
  char* const arguments[] = {"true", NULL};
  for (int i = 0; i < 30; ++i) {
    pid_t child = -1;
    REQUIRE(posix_spawnp(&child, "true", NULL, NULL, arguments, environ) == 0);
    wait_for(child);
    clone_with_memory();
    child = vfork();
    if (child == 0) {
      execvp("true", arguments);
      _exit(1);
    }
    wait_for(child);
  }
  REQUIRE(system("true") == 0);
  FILE* pipe = popen("echo text", "r");
  char text[10] = "";
  REQUIRE(fgets(text, sizeof text, pipe) != NULL && strcmp(text, "text\n") == 0);
  pclose(pipe);
  stop_threads(&thread, 1);
}

/* With half of the stack in use: 2 KiB are left that nobody needs. */
static void* use_and_free(void* block) {
  volatile char used[8 << 10];
  used[0] = 1;
  use_malloc();
  REQUIRE(used[0] == 1);
  free(block);
  return malloc(1 << 20);
}

/* As small a stack as programs have compiled in, which holds the TLS of all libraries, too. (What the
   macro says today grows with that.) */
static void small_stacks(void) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  REQUIRE(pthread_attr_setstacksize(&attributes, 16384) == 0);
  for (int i = 0; i < 200; ++i) {
    pthread_t thread;
    void* block = NULL;
    REQUIRE(pthread_create(&thread, &attributes, use_and_free, malloc(100)) == 0);
    pthread_join(thread, &block);
    free(block);
  }
}

static void open_libraries(void) {
  for (int i = 0; i < 20; ++i) {
    void* library = dlopen("libstdc++.so.6", RTLD_NOW | RTLD_LOCAL);
    REQUIRE(library != NULL);
    void* (*allocate)(size_t) = (void* (*)(size_t))dlsym(library, "_Znwm");
    free(allocate(100));
    dlclose(library);
    REQUIRE(dlopen("no such library", RTLD_NOW) == NULL && dlerror() != NULL);
  }
}

static void limited(void) {
  const struct rlimit limit = {200 << 20, 200 << 20};
  REQUIRE(setrlimit(RLIMIT_AS, &limit) == 0);
  for (size_t size = 64; size <= 40 << 20; size *= 40) {
    void** chain = NULL;
    size_t total = 0;
    for (;;) {
      errno = 0;
      void** block = malloc(size);
      if (block == NULL) {
        REQUIRE(errno == ENOMEM);
        break;
      }
      *block = chain;
      chain = block;
      total += size;
    }
    REQUIRE(total > 100 << 20);
    while (chain != NULL) {
      void** next = *chain;
      free(chain);
      chain = next;
    }
  }
  use_malloc();
}

static void use_at_exit(void) { use_malloc(); }

/* Called for what the stream holds when stdio is cleaned up: after every destructor, talc's too. */
static ssize_t write_last(void* cookie, const char* text, size_t size) {
  (void)cookie;
  for (size_t bytes = 1; bytes <= 1 << 20; bytes *= 2) {
    char* block = malloc(bytes);
    if (block == NULL) {
      _exit(1);
    }
    block[bytes - 1] = text[0];
    free(block);
  }
  return (ssize_t)size;
}

static void at_exit(void) {
  FILE* last = fopencookie(NULL, "w", (cookie_io_functions_t){.write = write_last});
  REQUIRE(last != NULL && fputs("text", last) >= 0);
  REQUIRE(atexit(use_at_exit) == 0);
  pthread_t threads[2];
  start_threads(threads, 2, keep_allocating);
}

int main(int argc, char** argv) {
  static const struct moment moments[] = {
      {"early", early},
      {"spawn", spawn},
      {"small_stacks", small_stacks},
      {"open_libraries", open_libraries},
      {"limited", limited},
      {"at_exit", at_exit},
  };
  return live_moment(argc, argv, moments, sizeof moments / sizeof *moments);
}
