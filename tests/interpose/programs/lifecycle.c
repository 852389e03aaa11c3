/* The moments at which a preloaded malloc is known to break, one for each name given as
   argument. Exits with 0 if all is well; lifecycle_test.cpp kills it if it hangs. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

extern int early_result;
extern char** environ;

static atomic_bool stop;

#define REQUIRE(condition)                                        \
  do {                                                            \
    if (!(condition)) {                                           \
      fprintf(stderr, "line %d: not %s\n", __LINE__, #condition); \
      exit(1);                                                    \
    }                                                             \
  } while (0)

static void use_malloc(void) {
  char* blocks[40];
  for (size_t i = 0; i < 40; ++i) {
    blocks[i] = malloc(i * i * 7 + 1);
    REQUIRE(blocks[i] != NULL);
    blocks[i][i * i * 7] = (char)i;
  }
  for (size_t i = 0; i < 40; ++i) {
    REQUIRE(blocks[i][i * i * 7] == (char)i);
    blocks[i] = realloc(blocks[i], 2000);
    free(blocks[i]);
  }
}

static void* keep_allocating(void* unused) {
  while (!stop) {
    use_malloc();
  }
  return unused;
}

/* getline and fclose allocate and free while they hold stdio's locks. */
static void* keep_reading(void* unused) {
  while (!stop) {
    FILE* file = fopen("/proc/self/status", "r");
    char* line = NULL;
    size_t size = 0;
    while (getline(&line, &size, file) >= 0) {
    }
    free(line);
    fclose(file);
    fflush(NULL);
  }
  return unused;
}

static void wait_for(pid_t child) {
  int status = -1;
  REQUIRE(child > 0);
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(status == 0);
}

static void start_threads(pthread_t* threads, int count, void* (*body)(void*)) {
  for (int i = 0; i < count; ++i) {
    REQUIRE(pthread_create(&threads[i], NULL, body, NULL) == 0);
  }
}

static void stop_threads(pthread_t* threads, int count) {
  stop = true;
  for (int i = 0; i < count; ++i) {
    pthread_join(threads[i], NULL);
  }
}

static void early(void) { REQUIRE(early_result == 0); }

static void fork_under_load(void) {
  pthread_t threads[3];
  start_threads(threads, 1, keep_allocating);
  start_threads(threads + 1, 2, keep_reading);
  for (int i = 0; i < 100; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      alarm(30);
      use_malloc();
      FILE* file = fopen("/dev/null", "w");
      fprintf(file, "%d\n", i);
      fclose(file);
      exit(0);
    }
    wait_for(child);
  }
  stop_threads(threads, 3);
}

static void fork_in_handler(int signal) {
  (void)signal;
  const int saved_errno = errno;
  const pid_t child = fork();
  if (child == 0) {
    _exit(0);
  }
  wait_for(child);
  errno = saved_errno;
}

static void fork_in_handlers(void) {
  struct sigaction action = {.sa_handler = fork_in_handler, .sa_flags = SA_RESTART};
  sigaction(SIGPROF, &action, NULL);
  const struct itimerval timer = {{0, 1000}, {0, 1000}};
  setitimer(ITIMER_PROF, &timer, NULL);
  for (int i = 0; i < 4000; ++i) {
    use_malloc();
  }
}

static void spawn(void) {
  pthread_t thread;
  start_threads(&thread, 1, keep_allocating);
  char* const arguments[] = {"true", NULL};
  for (int i = 0; i < 30; ++i) {
    pid_t child = -1;
    REQUIRE(posix_spawnp(&child, "true", NULL, NULL, arguments, environ) == 0);
    wait_for(child);
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

static pthread_key_t keys[3];

static void use_again(void* block) {
  static _Thread_local int rounds;
  free(block);
  use_malloc();
  if (++rounds < 3 * PTHREAD_DESTRUCTOR_ITERATIONS) {
    pthread_setspecific(keys[rounds % 3], malloc(100));
  }
}

static void* leave_values(void* unused) {
  for (int i = 0; i < 3; ++i) {
    pthread_setspecific(keys[i], malloc(100));
  }
  return unused;
}

static void end_threads(void) {
  for (int i = 0; i < 3; ++i) {
    pthread_key_create(&keys[i], use_again);
  }
  for (int round = 0; round < 100; ++round) {
    pthread_t threads[8];
    start_threads(threads, 8, leave_values);
    stop_threads(threads, 8);
  }
}

static void* use_and_free(void* block) {
  use_malloc();
  free(block);
  return malloc(1 << 20);
}

/* As small a stack as there may be: talc's TLS must leave room in it. */
static void small_stacks(void) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  REQUIRE(pthread_attr_setstacksize(&attributes, (size_t)PTHREAD_STACK_MIN) == 0);
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

static void at_exit(void) {
  REQUIRE(atexit(use_at_exit) == 0);
  pthread_t threads[2];
  start_threads(threads, 2, keep_allocating);
}

static const struct {
  const char* name;
  void (*live)(void);
} moments[] = {
    {"early", early},
    {"fork_under_load", fork_under_load},
    {"fork_in_handlers", fork_in_handlers},
    {"spawn", spawn},
    {"end_threads", end_threads},
    {"small_stacks", small_stacks},
    {"open_libraries", open_libraries},
    {"limited", limited},
    {"at_exit", at_exit},
};

int main(int argc, char** argv) {
  for (size_t i = 0; argc == 2 && i < sizeof moments / sizeof *moments; ++i) {
    if (strcmp(argv[1], moments[i].name) == 0) {
      moments[i].live();
      return 0;
    }
  }
  fprintf(stderr, "no such moment\n");
  return 2;
}
