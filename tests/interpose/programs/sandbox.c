/* Lives by a list of system calls: any other one ends it by SIGSYS.

     sandbox LIFE CALL…      by numbers: filters itself, then lives: memory, threads, fork
     sandbox PROGRAM CALL…   the same, and becomes the program, which has a "/" in its name */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { most_calls = 100 };

static void require(int is_true) {
  if (!is_true) {
    _exit(1);
  }
}

static void allow_only(char** numbers) {
  static struct sock_filter program[most_calls * 2 + 2];
  unsigned short length = 0;
  program[length++] =
      (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
  for (; *numbers != NULL; ++numbers) {
    require(length < most_calls * 2);
    program[length++] =
        (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)atoi(*numbers), 0, 1);
    program[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  }
  program[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
  const struct sock_fprog filter = {length, program};
  require(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  require(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0);
}

/* Sizes of all kinds, growing and shrinking, aligned and cleared; and so much that heaps grow, get
   huge pages and shrink again. */
static void use_memory(void) {
  static char* blocks[300];
  for (int round = 0; round < 2; ++round) {
    for (size_t i = 0; i < 300; ++i) {
      blocks[i] = i % 3 == 0 ? calloc(1, i * i * 10 + 1) : malloc(i * i * 10 + 1);
      require(blocks[i] != NULL);
      blocks[i][i * i * 10] = 1;
    }
    for (size_t i = 0; i < 300; ++i) {
      blocks[i] = realloc(blocks[i], i * i * 20 + 100000);
      require(blocks[i] != NULL);
    }
    char* large = memalign(8 << 20, 20 << 20);
    for (size_t size = 20; size < 200; size *= 2) {
      large = realloc(large, size << 20);
      require(large != NULL);
    }
    free(large);
    free(malloc(6 << 20));  // is kept, and cleared
    large = calloc(6, 1 << 20);
    require(large != NULL && large[1 << 20] == 0);
    free(large);
    for (size_t i = 0; i < 300; ++i) {
      free(blocks[i]);
    }
    malloc_trim(0);
    require(mallinfo2().arena != 0);
  }
}

static void* use_small_ones(void* unused) {
  for (int round = 0; round < 200; ++round) {
    static _Thread_local void* blocks[500];
    for (size_t i = 0; i < 500; ++i) {
      blocks[i] = malloc(i * 30);
    }
    for (size_t i = 0; i < 500; ++i) {
      free(blocks[i]);
    }
  }
  return unused;
}

static void use_threads(void) {
  pthread_t threads[16];
  for (int i = 0; i < 16; ++i) {
    require(pthread_create(&threads[i], NULL, use_small_ones, NULL) == 0);
  }
  for (int i = 0; i < 16; ++i) {
    pthread_join(threads[i], NULL);
  }
}

static void use_fork(void) {
  use_memory();
  const pid_t child = fork();
  if (child == 0) {
    use_memory();
    _exit(0);
  }
  int status = -1;
  waitpid(child, &status, 0);
  require(status == 0);
}

int main(int count, char** arguments) {
  require(count > 2);
  char* const life = arguments[1];
  allow_only(arguments + 2);
  if (strchr(life, '/') != NULL) {
    execl(life, life, "plain", NULL);
    return 1;
  }
  use_memory();
  if (strcmp(life, "threads") == 0) {
    use_threads();
  }
  if (strcmp(life, "fork") == 0) {
    use_fork();
  }
  _exit(0);
}
