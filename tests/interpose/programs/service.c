/* Moments of a process that talc's statistics service looks at, one for each name given as argument;
   exits with 0 if what it sees itself is right. service_test.cpp looks at what is written. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "talc/live_page.h"

static long now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A signal does not shorten it. */
static void rest(long milliseconds) {
  const long end = now_ms() + milliseconds;
  while (now_ms() < end) {
    usleep(10000);
  }
}

/* From malloc's slow paths, of all kinds of blocks. */
static void allocate(void) {
  for (size_t size = 16; size < 100000; size += size / 3) {
    void* volatile block = malloc(size);
    free(block);
  }
}

static int idle(void) {
  rest(1300);
  return 0;
}

static int spin(void) {
  raise(SIGUSR2);
  const long end = now_ms() + 1000;
  while (now_ms() < end) {
  }
  return 0;
}

/* Two reports: signals that come before the first is written are one. */
static int signal_twice(void) {
  for (int i = 0; i < 2; ++i) {
    raise(SIGUSR2);
    rest(700);
  }
  return 0;
}

/* Reads of a pipe that a signal interrupts go on. */
static void* kill_soon(void* thread) {
  rest(100);
  pthread_kill(*(pthread_t*)thread, SIGUSR2);
  rest(100);
  return NULL;
}
static int interrupted(void) {
  int ends[2];
  char byte = 0;
  pthread_t self = pthread_self();
  pthread_t other;
  if (pipe(ends) != 0 || pthread_create(&other, NULL, kill_soon, &self) != 0) {
    return 1;
  }
  const pid_t child = fork();
  if (child == 0) {
    rest(400);
    _exit(write(ends[1], "x", 1) != 1);
  }
  const ssize_t size = read(ends[0], &byte, 1);
  waitpid(child, NULL, 0);
  return size == 1 && byte == 'x' ? 0 : 1;
}

static int count_threads(void) {
  int count = 0;
  DIR* const tasks = opendir("/proc/self/task");
  while (readdir(tasks) != NULL) {
    count += 1;
  }
  closedir(tasks);
  printf("%d threads\n", count - 2);
  return 0;
}

/* Whoever gives up root does so in all threads. */
static int become_nobody(void) {
  const uid_t nobody = 65534;
  if (setgid(nobody) != 0 || setuid(nobody) != 0) {
    return 1;
  }
  DIR* const tasks = opendir("/proc/self/task");
  for (struct dirent* task; (task = readdir(tasks)) != NULL;) {
    char path[300];
    char text[2000] = "";
    snprintf(path, sizeof path, "/proc/self/task/%s/status", task->d_name);
    FILE* const status = task->d_name[0] == '.' ? NULL : fopen(path, "r");
    if (status != NULL) {
      const size_t size = fread(text, 1, sizeof text - 1, status);
      fclose(status);
      if (size == 0 || strstr(text, "\nUid:\t65534\t65534\t65534\t65534\n") == NULL) {
        return 2;
      }
      puts("nobody");
    }
  }
  closedir(tasks);
  return 0;
}

/* What is sent to the process is the program's, though it block it everywhere. */
static int pending(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigprocmask(SIG_BLOCK, &set, NULL);
  kill(getpid(), SIGUSR1);
  rest(600);
  sigpending(&set);
  return sigismember(&set, SIGUSR1) ? 0 : 1;
}

static void* end_soon(void* unused) {
  rest(200);
  return unused;
}
static void say_goodbye(void) {
  if (write(STDOUT_FILENO, "goodbye\n", 8) != 8) {
    abort();
  }
}
static int leave_main(void) {
  pthread_t thread;
  atexit(say_goodbye);
  pthread_create(&thread, NULL, end_soon, NULL);
  pthread_exit(NULL);
}

static int forked(void) {
  const pid_t child = fork();
  if (child == 0) {
    allocate();
    rest(900);
    exit(0);
  }
  int status = 1;
  waitpid(child, &status, 0);
  return status;
}

/* Executes at once, or ends, without a thread of ours in between. */
static int forked_briefly(void) {
  for (int i = 0; i < 50; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      allocate();
      if (i % 2 == 0) {
        execl("/bin/true", "true", NULL);
      }
      _exit(0);
    }
    waitpid(child, NULL, 0);
  }
  return 0;
}

static const struct talc_live_page* map_page(void) {
  const int file = open(getenv("PAGE"), O_RDONLY);
  void* const page =
      file < 0 ? MAP_FAILED : mmap(NULL, TALC_LIVE_PAGE_BYTES, PROT_READ, MAP_SHARED, file, 0);
  return page == MAP_FAILED ? NULL : page;
}

/* Returns whether the page could be read as a whole. */
static int read_page(const struct talc_live_page* page, struct talc_live_page* copy) {
  for (int tries = 0; tries < 1000; ++tries) {
    const uint64_t before = __atomic_load_n(&page->sequence, __ATOMIC_ACQUIRE);
    memcpy(copy, page, sizeof *copy);
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    if (before % 2 == 0 && __atomic_load_n(&page->sequence, __ATOMIC_RELAXED) == before) {
      return 1;
    }
    usleep(1000);
  }
  return 0;
}

/* The page changes while nothing is allocated, and shows what is. */
static int watched(void) {
  struct talc_live_page first;
  struct talc_live_page second;
  rest(500);
  const struct talc_live_page* const page = map_page();
  if (page == NULL || !read_page(page, &first)) {
    return 1;
  }
  void* volatile block = malloc(50 << 20);
  memset(block, 1, 50 << 20);
  rest(700);
  if (!read_page(page, &second)) {
    return 2;
  }
  if (memcmp(second.magic, TALC_LIVE_PAGE_MAGIC, 8) != 0 || second.version != 1 ||
      second.bytes != sizeof second || second.process != (uint64_t)getpid() ||
      strcmp(second.program, "service") != 0) {
    return 3;
  }
  if (second.sequence < first.sequence + 2 || second.uptime_ms < first.uptime_ms + 400) {
    return 4;
  }
  if (second.allocations != first.allocations + 1 || second.huge_bytes < 50 << 20 ||
      second.resident < first.resident + (45 << 20) || second.arenas != 1 ||
      second.mapped != second.active + second.metadata + second.retained ||
      second.retained != second.dirty + second.purged) {
    return 5;
  }
  return 0;
}

/* The page stays the parent's. */
static int watched_fork(void) {
  struct talc_live_page now;
  rest(500);
  const int status = forked();
  const struct talc_live_page* const page = map_page();
  return status == 0 && page != NULL && read_page(page, &now) && now.process == (uint64_t)getpid()
             ? 0
             : 1;
}

/* A store into the page would be a SIGBUS now. */
static int watched_truncated(void) {
  rest(500);
  if (truncate(getenv("PAGE"), 0) != 0) {
    return 1;
  }
  rest(700);
  return 0;
}

static const struct {
  const char* name;
  int (*live)(void);
} moments[] = {
    {"idle", idle},
    {"spin", spin},
    {"signal_twice", signal_twice},
    {"interrupted", interrupted},
    {"count_threads", count_threads},
    {"become_nobody", become_nobody},
    {"pending", pending},
    {"leave_main", leave_main},
    {"forked", forked},
    {"forked_briefly", forked_briefly},
    {"watched", watched},
    {"watched_fork", watched_fork},
    {"watched_truncated", watched_truncated},
};

int main(int argc, char** argv) {
  for (size_t i = 0; argc == 2 && i < sizeof moments / sizeof *moments; ++i) {
    if (strcmp(argv[1], moments[i].name) == 0) {
      return moments[i].live();
    }
  }
  fprintf(stderr, "no such moment\n");
  return 2;
}
