/* An arena in C, by talc/talc.h: a block that grows until its memory is full, and then in more of it.

       cc -Ilib docs/examples/c_arena.c -o c_arena -Lbuild -ltalc -Wl,-rpath,build && ./c_arena

   It prints what is in c_arena.txt; the tests compare. */
#include <stdio.h>
#include <string.h>

#include "talc/talc.h"

static char memory[4096];
static char more[64 << 10];

int main(void) {
  /* The arena itself lives in the memory, too, and takes some of it. */
  talc_arena* arena = talc_arena_create(memory, sizeof memory);
  if (arena == NULL) {
    return 1;
  }

  size_t size = 8;
  char* text = talc_arena_malloc(arena, size, 1);
  if (text == NULL) {
    return 1;
  }
  strcpy(text, "kept");

  /* Twice as much each time, while there is room. Where there is none the old block is as it was. */
  char* larger = text;
  while (larger != NULL) {
    larger = talc_arena_realloc(arena, text, size, 1, 2 * size);
    if (larger != NULL) {
      text = larger;
      size *= 2;
    }
  }
  printf("%zu bytes fit into 4096: %s\n", size, text);

  /* Further memory may lie anywhere. A block never spans two, so this one moves. */
  if (talc_arena_claim(arena, more, sizeof more) != 0) {
    return 1;
  }
  larger = talc_arena_realloc(arena, text, size, 1, 10000);
  if (larger == NULL) {
    return 1;
  }
  printf("10000 bytes after talc_arena_claim: %s\n", larger);
  talc_arena_free(arena, larger, 10000, 1);

  /* `size` tells which fields this program knows of: later versions have more. */
  struct talc_counters counters = {.size = sizeof counters};
  talc_arena_counters(arena, &counters);
  printf("blocks left: %zu\n", counters.live_allocations);
  printf("talc_arena_check: %d\n", talc_arena_check(arena));

  /* Nothing to destroy: forget the arena, and the memory is yours again. */
  return 0;
}
