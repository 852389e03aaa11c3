/* A library whose constructor does what constructors of real libraries do, before libtalc.so's
   could have run if libraries were initialised in the order of their names: it allocates,
   starts a thread, looks symbols up and forks. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int early_result = -1;

static void* use_malloc(void* unused) {
  for (int i = 1; i < 2000; ++i) {
    char* block = malloc((size_t)i);
    memset(block, i, (size_t)i);
    block = realloc(block, (size_t)i * 2);
    free(block);
  }
  return unused;
}

__attribute__((constructor)) static void start(void) {
  pthread_t thread;
  pthread_create(&thread, NULL, use_malloc, NULL);
  for (int i = 0; i < 20; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      use_malloc(NULL);
      _exit(dlsym(RTLD_NEXT, "malloc") == NULL ? 1 : 0);
    }
    int status = -1;
    waitpid(child, &status, 0);
    if (status != 0) {
      early_result = status;
      return;
    }
  }
  pthread_join(thread, NULL);
  free(dlerror());
  early_result = 0;
}

__attribute__((destructor)) static void finish(void) { use_malloc(NULL); }
