/* fork in processes with threads, ten thousand times and more: while others allocate, begin and
   end, while they are within stdio, from several threads at once, and from a signal handler that
   interrupted malloc. No child may hang or find the heap other than whole. A second argument
   divides their number. lifecycle_test.cpp runs it. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <sys/time.h>

#include "moments.h"

/* With a mapping of its own: no arena's lock guards it. */
static void use_huge_block(void) {
  char* block = malloc(5 << 20);
  REQUIRE(block != NULL);
  block[0] = 'x';
  block = realloc(block, 6 << 20);
  REQUIRE(block != NULL && block[0] == 'x');
  free(block);
}

/* What a child does: the first thread of a fork's child that is new again allocates, too. */
static void live_as_child(void) {
  alarm(30);
  use_malloc();
  use_huge_block();
  pthread_t thread;
  start_threads(&thread, 1, use_malloc_once);
  join_threads(&thread, 1);
}

static void fork_once(void) {
  const pid_t child = fork();
  if (child == 0) {
    live_as_child();
    exit(0);
  }
  wait_for(child);
}

static int fork_count = 1000; /* in each row of forks */

static void* fork_in_turn(void* result) {
  for (int i = 0; i < fork_count; ++i) {
    fork_once();
  }
  return result;
}

/* Short bursts: whoever is to be met in malloc must have been let in, and so must the forker. */
static void* allocate_in_bursts(void* result) {
  while (!stop) {
    for (int i = 0; i < 20; ++i) {
      use_malloc();
      use_huge_block();
    }
    usleep(100);
  }
  return result;
}

static void under_load(void) {
  pthread_t threads[2];
  start_threads(threads, 2, allocate_in_bursts);
  for (int i = 0; i < 2; ++i) {
    fork_in_turn(NULL);
  }
  stop_threads(threads, 2);
}

/* Threads that begin and end: their caches change hands while they are copied. */
static void* come_and_go(void* result) {
  while (!stop) {
    pthread_t pair[2];
    start_threads(pair, 2, use_malloc_once);
    join_threads(pair, 2);
  }
  return result;
}

static void beside_new_threads(void) {
  pthread_t threads[2];
  start_threads(threads, 2, come_and_go);
  fork_in_turn(NULL);
  fork_in_turn(NULL);
  stop_threads(threads, 2);
}

static FILE* lines;

/* getline allocates, and frees, while it holds the stream that the others want as well. */
static void* read_lines(void* result) {
  while (!stop) {
    char* line = NULL;
    size_t size = 0;
    if (getline(&line, &size, lines) < 0) {
      rewind(lines);
    }
    free(line);
  }
  return result;
}

/* fflush(NULL) holds the list of streams while it waits for each; fopen puts one on the list. */
static void* open_and_flush(void* result) {
  while (!stop) {
    FILE* file = fopen("/dev/null", "w");
    fprintf(file, "text\n");
    fflush(NULL);
    fclose(file);
  }
  return result;
}

static void in_stdio(void) {
  lines = tmpfile();
  REQUIRE(lines != NULL);
  for (int i = 0; i < 100; ++i) {
    fprintf(lines, "%0*d\n", i * 100, i);
  }
  fflush(lines);
  rewind(lines);
  pthread_t threads[3];
  start_threads(threads, 2, read_lines);
  start_threads(threads + 2, 1, open_and_flush);
  for (int i = 0; i < fork_count; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      live_as_child();
      fclose(fopen("/dev/null", "w"));
      _exit(0);
    }
    wait_for(child);
  }
  stop_threads(threads, 3);
}

static void from_threads(void) {
  pthread_t load;
  start_threads(&load, 1, allocate_in_bursts);
  pthread_t threads[5];
  start_threads(threads, 5, fork_in_turn);
  join_threads(threads, 5);
  stop_threads(&load, 1);
}

static volatile sig_atomic_t handled;
static volatile sig_atomic_t is_child;

/* The child returns from the handler, into the malloc that was interrupted. */
static void fork_in_handler(int number) {
  const int saved_errno = errno;
  const pid_t child = fork();
  if (child == 0) {
    signal(number, SIG_DFL);
    is_child = 1;
  } else {
    wait_for(child);
    handled = handled + 1;
  }
  errno = saved_errno;
}

static void in_handlers(void) {
  sigset_t alarms;
  sigemptyset(&alarms);
  sigaddset(&alarms, SIGALRM);
  pthread_sigmask(SIG_BLOCK, &alarms, NULL);
  pthread_t load;
  start_threads(&load, 1, allocate_in_bursts);
  const struct sigaction action = {.sa_handler = fork_in_handler, .sa_flags = SA_RESTART};
  sigaction(SIGALRM, &action, NULL);
  pthread_sigmask(SIG_UNBLOCK, &alarms, NULL);
  for (int i = 0; i < fork_count / 2; ++i) {
    const struct itimerval soon = {{0, 0}, {0, 50 + i * 37 % 1000}};
    setitimer(ITIMER_REAL, &soon, NULL);
    while (handled == i && !is_child) {
      use_malloc();
    }
    if (is_child) {
      live_as_child();
      _exit(0);
    }
  }
  stop_threads(&load, 1);
}

int main(int argc, char** argv) {
  static const struct moment moments[] = {
      {"under_load", under_load},   {"beside_new_threads", beside_new_threads},
      {"in_stdio", in_stdio},       {"from_threads", from_threads},
      {"in_handlers", in_handlers},
  };
  if (argc > 2) {
    fork_count /= atoi(argv[2]);
  }
  return live_moment(argc, argv, moments, sizeof moments / sizeof *moments);
}
