/* Somebody's program in C, which talc serves: what it asks malloc for, talc counts. An arena works, too.
   consumer_test.py builds it in every way of docs/INSTALL.md, and runs it. */
#include <stdio.h>
#include <stdlib.h>
#include <talc/control.h>
#include <talc/talc.h>

enum { blocks = 1000 };

static size_t allocations(void) {
  struct talc_stats stats = {.size = sizeof stats};
  talc_stats_get(&stats);
  return stats.allocations;
}

static int has_arena(void) {
  static char memory[4096];
  talc_arena* arena = talc_arena_create(memory, sizeof memory);
  const char* block = talc_arena_malloc(arena, 100, 1);
  return block > memory && block < memory + sizeof memory;
}

int main(void) {
  static void* volatile kept[blocks];
  const size_t before = allocations();
  for (int i = 0; i < blocks; ++i) {
    kept[i] = malloc(100);
  }
  const size_t served = allocations() - before;
  for (int i = 0; i < blocks; ++i) {
    free(kept[i]);
  }
  printf("talc served %zu blocks\n", served);
  return served == blocks && has_arena() ? 0 : 1;
}
