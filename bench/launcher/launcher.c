// Runs one program with an allocator preloaded and writes down what it cost.
//
//   launcher REPORT_FILE PRELOAD|- THP WARM_MIB -- PROGRAM ARGUMENT...    THP: system, madvise or never
//
// Why not from python: ru_maxrss of a child starts with what the parent had resident when it forked, and
// survives exec. Under a python of 60 MiB no program would seem to need less. This program needs a few
// hundred KiB. What is counted covers the program and all descendants that it waited for.
//
// Before the clock starts it touches WARM_MIB of memory and gives them back. A virtual machine may hand what
// has been free for some seconds back to its host (Linux: free page reporting), and to have it again costs
// ten times a page fault: whichever allocator came first after a pause would pay for the pause.
//
// The report is one line of key=value pairs; the status is `exit N` or `signal N`. The driver sets the
// timeout: it kills the process group, which the driver made. Exit status: 0 if there is a report, else 2.
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef PR_THP_DISABLE_EXCEPT_ADVISED  // Linux 6.18
#define PR_THP_DISABLE_EXCEPT_ADVISED (1 << 1)
#endif

static void fail(const char* what) {
  fprintf(stderr, "launcher: %s: %s\n", what, strerror(errno));
  _exit(2);
}

static double seconds(long long whole, long long parts, double unit) {
  return (double)whole + (double)parts * unit;
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return seconds(time.tv_sec, time.tv_nsec, 1e-9);
}

// Less, or none, where there is not so much: it is only a courtesy to the program.
static void warm_memory(size_t mebibytes) {
  const size_t size = mebibytes << 20;
  char* const memory =
      size == 0 ? MAP_FAILED
                : mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return;
  madvise(memory, size, MADV_HUGEPAGE);  // a quarter of the time
  for (size_t offset = 0; offset < size; offset += 4096) {
    ((volatile char*)memory)[offset] = 1;
  }
  munmap(memory, size);
}

// Fewer huge pages than the system has, here and in all programs that follow; there is no way to ask for more.
static void limit_thp(const char* thp) {
  if (strcmp(thp, "system") == 0) return;
  const long flags = strcmp(thp, "madvise") == 0 ? PR_THP_DISABLE_EXCEPT_ADVISED : 0;
  if (prctl(PR_SET_THP_DISABLE, 1, flags, 0, 0) != 0) fail("prctl(PR_SET_THP_DISABLE)");
}

// In the child. An error ends it with 127, as a shell would.
static void become(const char* preload, const char* thp, char** program) {
  if (strcmp(preload, "-") != 0 && setenv("LD_PRELOAD", preload, 1) != 0) fail("setenv");
  limit_thp(thp);
  execvp(program[0], program);
  fprintf(stderr, "launcher: %s: %s\n", program[0], strerror(errno));
  _exit(127);
}

int main(int argc, char** argv) {
  char* end = NULL;
  const unsigned long warm = argc > 4 ? strtoul(argv[4], &end, 10) : 0;
  if (argc < 7 || *argv[4] == '\0' || *end != '\0' || strcmp(argv[5], "--") != 0) {
    fputs(
        "usage: launcher REPORT_FILE PRELOAD|- system|madvise|never WARM_MIB -- PROGRAM "
        "ARGUMENT...\n",
        stderr);
    return 2;
  }
  const char* const thp = argv[3];
  if (strcmp(thp, "system") != 0 && strcmp(thp, "madvise") != 0 && strcmp(thp, "never") != 0) {
    fprintf(stderr, "launcher: THP is 'system', 'madvise' or 'never', not '%s'\n", thp);
    return 2;
  }
  FILE* report = fopen(argv[1], "we");
  if (report == NULL) fail(argv[1]);

  warm_memory(warm);
  const double start = now();
  const pid_t child = fork();
  if (child < 0) fail("fork");
  if (child == 0) become(argv[2], thp, argv + 6);

  int status = 0;
  struct rusage use;
  while (wait4(child, &status, 0, &use) < 0) {
    if (errno != EINTR) fail("wait4");
  }
  const double wall = now() - start;
  fprintf(
      report,
      "wall_s=%.6f user_s=%.6f system_s=%.6f peak_rss_kib=%ld minor_faults=%ld major_faults=%ld "
      "status=%s %d\n",
      wall, seconds(use.ru_utime.tv_sec, use.ru_utime.tv_usec, 1e-6),
      seconds(use.ru_stime.tv_sec, use.ru_stime.tv_usec, 1e-6), use.ru_maxrss, use.ru_minflt,
      use.ru_majflt, WIFSIGNALED(status) ? "signal" : "exit",
      WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
  if (fclose(report) != 0) fail(argv[1]);
  return 0;
}
