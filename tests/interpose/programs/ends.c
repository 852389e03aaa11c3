/* Ways for a process to end, one for each name given as argument, after some use of malloc.
   report_test.cpp looks at which reports they leave. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void use_malloc(void) {
  for (int i = 0; i < 1000; ++i) {
    void* volatile block = malloc((size_t)i * 10);
    if (i % 2 == 0) {
      free(block);
    }
  }
}

static void close_stderr(void) { fclose(stderr); }

static void redirect_stderr(void) { dup2(open("/dev/null", O_WRONLY), STDERR_FILENO); }

static void close_all(void) {
  for (int i = 3; i < 1024; ++i) {
    close(i);
  }
}

/* Every number that the copy of standard error may have is another file now, and standard error
   too. */
static void replace_all(void) {
  const int file = open("victim", O_RDWR | O_CREAT | O_TRUNC, 0600);
  for (int i = STDERR_FILENO; i < 1024; ++i) {
    dup2(file, i);
  }
}

static void fork_three(void) {
  for (int i = 0; i < 3; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      use_malloc();
      exit(0);
    }
    waitpid(child, NULL, 0);
  }
}

static void leave_at_once(void) { _exit(0); }

static void execute(void) { execl("/proc/self/exe", "executed", "plain", NULL); }

static void fail(void) { exit(7); }

static _Noreturn void* allocate_forever(void* unused) {
  (void)unused;
  for (;;) {
    use_malloc();
  }
}

static void run_threads(void) {
  for (int i = 0; i < 4; ++i) {
    pthread_t thread;
    pthread_create(&thread, NULL, allocate_forever, NULL);
  }
  usleep(20000);
}

static void* exit_from_thread(void* unused) {
  (void)unused;
  exit(0);
}

static void small_thread(void) {
  pthread_attr_t attributes;
  pthread_t thread;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 64 << 10);
  pthread_create(&thread, &attributes, exit_from_thread, NULL);
  pthread_join(thread, NULL);
}

static void change_folder(void) {
  if (chdir("/") != 0) {
    abort();
  }
}

static void few_descriptors(void) {
  const struct rlimit limit = {64, 64};
  setrlimit(RLIMIT_NOFILE, &limit);
  execl("/proc/self/exe", "executed", "close_stderr", NULL);
}

static void count_descriptors(void) {
  int count = 0;
  for (int i = 0; i < 1024; ++i) {
    count += fcntl(i, F_GETFD) != -1;
  }
  printf("%d open\n", count);
}

/* What a child inherits: the copy must not be in it. */
static void count_inherited(void) {
  execl("/proc/self/exe", "executed", "count_without_talc", NULL);
}

static void overwrite_environment(void) {
  extern char** environ;
  for (char** at = environ; *at != NULL; ++at) {
    memset(*at, 'x', strlen(*at));
  }
}

static void plain(void) {}

static const struct {
  const char* name;
  void (*act)(void);
} ends[] = {
    {"plain", plain},
    {"close_stderr", close_stderr},
    {"redirect_stderr", redirect_stderr},
    {"close_all", close_all},
    {"replace_all", replace_all},
    {"fork_three", fork_three},
    {"leave_at_once", leave_at_once},
    {"execute", execute},
    {"fail", fail},
    {"run_threads", run_threads},
    {"small_thread", small_thread},
    {"change_folder", change_folder},
    {"few_descriptors", few_descriptors},
    {"count_descriptors", count_descriptors},
    {"count_inherited", count_inherited},
    {"count_without_talc", count_descriptors},
    {"overwrite_environment", overwrite_environment},
};

int main(int argc, char** argv) {
  for (size_t i = 0; argc == 2 && i < sizeof ends / sizeof *ends; ++i) {
    if (strcmp(argv[1], ends[i].name) == 0) {
      if (strcmp(argv[1], "count_inherited") == 0) {
        unsetenv("LD_PRELOAD");
      }
      use_malloc();
      ends[i].act();
      return 0;
    }
  }
  fprintf(stderr, "no such end\n");
  return 2;
}
