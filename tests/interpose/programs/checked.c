/* Every function of the family, a thread and a child, for programs that are watched by a memory checker;
   and, if one is asked for, a mistake that the checker is to find. checkers_test.cpp runs it.

     checked            makes none
     checked leak       loses a block of 1234 bytes
     checked use_after_free */
#define _GNU_SOURCE
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void* filled(void* block, size_t size) {
  if (block == NULL) {
    exit(1);
  }
  return memset(block, 'x', size);
}

static void* use_all(void* result) {
  for (size_t size = 1; size < 3000000; size = size * 5 + 3) {
    char* block = filled(malloc(size), size);
    block = filled(realloc(block, size * 2), size * 2);
    free(block);
    block = filled(calloc(3, size), size);
    block = filled(reallocarray(block, 2, size), size);
    free(block);
    free(filled(reallocarray(NULL, 4, size), 4 * size));
    free(filled(memalign(64, size), size));
    free(filled(aligned_alloc(64, 64 * size), 64 * size));
    free(filled(valloc(size), size));
    void* aligned = NULL;
    if (posix_memalign(&aligned, 256, size) != 0) {
      exit(1);
    }
    free(filled(aligned, size));
  }
  free(strdup("text"));
  malloc_trim(0);
  return result;
}

int main(int argc, char** argv) {
  use_all(NULL);
  pthread_t thread;
  pthread_create(&thread, NULL, use_all, NULL);
  pthread_join(thread, NULL);
  fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    use_all(NULL);
    _exit(0);
  }
  int status = -1;
  waitpid(child, &status, 0);
  if (status != 0) {
    return 2;
  }
  char* volatile lost = argc > 1 ? malloc(1234) : NULL;
  if (argc > 1 && strcmp(argv[1], "use_after_free") == 0) {
    free(lost);
    return *(volatile char*)lost == 'x' ? 3 : 0;
  }
  lost = NULL;
  return 0;
}
