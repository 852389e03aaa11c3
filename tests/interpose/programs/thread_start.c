/* Has a pthread_create of its own, as profilers have, which allocates and frees so much before and after the real one that
   the library wants its thread there and then. Exits with 0 if that was asked for once, and is there.

     thread_start alone      of a program with one thread
     thread_start first      in the first call of malloc that a thread makes
     thread_start forked     in the child of a fork, after the parent's
     thread_start refused    which the system refuses: nobody asks again */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

typedef void* (*Routine)(void*);
typedef int (*Create)(pthread_t*, const pthread_attr_t*, Routine, void*);

enum { block_bytes = 100000, blocks_bytes = 100 << 20, blocks_count = blocks_bytes / block_bytes };

static int is_refused = 0;
static _Atomic int asked_for = 0; /* how often, by the library */

typedef void* Blocks[blocks_count];
static _Thread_local Blocks outer;
static _Thread_local Blocks inner; /* of a call of pthread_create within */

/* More than may be dirty without a thread. */
static void churn(Blocks blocks) {
  for (int i = 0; i < blocks_count; ++i) {
    blocks[i] = malloc(block_bytes);
    memset(blocks[i], 1, block_bytes);
  }
  for (int i = 0; i < blocks_count; ++i) {
    free(blocks[i]);
  }
  free(malloc(block_bytes));
}

static void* begin(void* unused) {
  free(malloc(20 << 20));
  churn(outer);
  return unused;
}

int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, Routine routine,
                   void* argument) {
  const Create create = (Create)dlsym(RTLD_NEXT, "pthread_create");
  if (routine == begin) {
    return create(thread, attributes, routine, argument);
  }
  asked_for += 1;
  churn(inner);
  const int error = is_refused ? EAGAIN : create(thread, attributes, routine, argument);
  churn(inner);
  return error;
}

static int begin_first(void) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, begin, NULL) != 0) {
    return 1;
  }
  pthread_join(thread, NULL);
  return asked_for != 1;
}

static int begin_alone(void) {
  churn(outer);
  churn(outer);
  return asked_for != 1;
}

static int begin_forked(void) {
  if (begin_alone() != 0) {
    return 1;
  }
  const pid_t child = fork();
  if (child == 0) {
    alarm(30); /* which a child does not inherit */
    asked_for = 0;
    exit(begin_alone());
  }
  int status = 1;
  waitpid(child, &status, 0);
  return status != 0;
}

int main(int argc, char** argv) {
  const char* const moment = argc == 2 ? argv[1] : "";
  alarm(60); /* instead of a deadlock */
  const struct rlimit limit = {(rlim_t)2 << 30, (rlim_t)2 << 30};
  setrlimit(RLIMIT_AS, &limit); /* instead of all memory, where each start leads to the next */
  is_refused = strcmp(moment, "refused") == 0;
  if (strcmp(moment, "first") == 0) {
    return begin_first();
  }
  return strcmp(moment, "forked") == 0 ? begin_forked() : begin_alone();
}
