/* Signals that arrive while threads allocate, as profilers send them: handlers that do not
   allocate, and that walk the stack. And what talc must leave alone: others' handlers, stacks and
   masks. lifecycle_test.cpp runs it. */
#define _GNU_SOURCE
#include <errno.h>
#include <execinfo.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/time.h>

#include "moments.h"

enum { kThreads = 3, kSeconds = 2, kFrames = 64 };

static atomic_int samples;
static atomic_int lost; /* of which the walk did not reach the thread's own function */

static void count_sample(int number) {
  (void)number;
  samples += 1;
}

/* The walk begins in malloc more often than not: it needs talc's unwind tables, and no lock. */
static void walk_stack(int number) {
  (void)number;
  void* frames[kFrames];
  const int depth = backtrace(frames, kFrames);
  bool is_whole = false;
  for (int i = 0; i < depth; ++i) {
    const size_t offset = (size_t)((char*)frames[i] - (char*)keep_allocating);
    is_whole = is_whole || offset < 4096;
  }
  samples += 1;
  lost += is_whole ? 0 : 1;
}

/* Both clocks, since the one of processor time ticks no faster than the kernel's own. */
static void set_timers(int interval_us) {
  const struct itimerval timer = {{0, interval_us}, {0, interval_us}};
  REQUIRE(setitimer(ITIMER_PROF, &timer, NULL) == 0);
  REQUIRE(setitimer(ITIMER_REAL, &timer, NULL) == 0);
}

static void allocate_under(void (*handler)(int)) {
  pthread_t threads[kThreads];
  start_threads(threads, kThreads, keep_allocating);
  /* Only from here on, and not in this thread: all of them are sampled within malloc. */
  sigset_t timers;
  sigemptyset(&timers);
  sigaddset(&timers, SIGPROF);
  sigaddset(&timers, SIGALRM);
  pthread_sigmask(SIG_BLOCK, &timers, NULL);
  const struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
  sigaction(SIGPROF, &action, NULL);
  sigaction(SIGALRM, &action, NULL);
  set_timers(200);
  sleep(kSeconds);
  stop_threads(threads, kThreads);
  set_timers(0);
  REQUIRE(samples > 500);
}

static void storm(void) { allocate_under(count_sample); }

static void unwound(void) {
  void* frame;
  REQUIRE(backtrace(&frame, 1) == 1); /* loads the unwinder, which allocates */
  allocate_under(walk_stack);
  REQUIRE(lost * 50 < samples); /* a walk may begin where a frame is being made */
}

static void* look_at_mask(void* unused) {
  sigset_t mask;
  pthread_sigmask(SIG_SETMASK, NULL, &mask);
  for (int number = 1; number < NSIG; ++number) {
    REQUIRE(sigismember(&mask, number) != 1);
  }
  return unused;
}

static void left_alone(void) {
  use_malloc();
  pthread_t thread;
  start_threads(&thread, 1, look_at_mask);
  join_threads(&thread, 1);
  look_at_mask(NULL);
  for (int number = 1; number < NSIG; ++number) {
    struct sigaction action;
    if (sigaction(number, NULL, &action) == 0) {
      REQUIRE(action.sa_handler == SIG_DFL || action.sa_handler == SIG_IGN);
    }
  }
  stack_t stack;
  REQUIRE(sigaltstack(NULL, &stack) == 0 && (stack.ss_flags & SS_DISABLE) != 0);
}

int main(int argc, char** argv) {
  static const struct moment moments[] = {
      {"storm", storm},
      {"unwound", unwound},
      {"left_alone", left_alone},
  };
  return live_moment(argc, argv, moments, sizeof moments / sizeof *moments);
}
