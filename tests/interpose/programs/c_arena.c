/* The arenas of talc/talc.h from C11: the header compiles on its own, the archive and the
   shared library have the functions. Exits with 0 if all is well. */
#include "talc/talc.h"

#include <stdio.h>
#include <string.h>

static char memory[1 << 20];
static char more[1 << 20];

int main(void) {
  talc_arena* arena = talc_arena_create(memory, sizeof memory);
  if (arena == NULL) {
    return 1;
  }
  char* name = talc_arena_malloc(arena, 100, 1);
  strcpy(name, "arena");
  name = talc_arena_realloc(arena, name, 100, 1, 200000);
  if (name == NULL || strcmp(name, "arena") != 0 ||
      talc_arena_claim(arena, more, sizeof more) != 0) {
    return 2;
  }
  struct talc_counters counters = {.size = sizeof counters};
  talc_arena_counters(arena, &counters);
  if (counters.live_allocations != 1 || counters.live_bytes != 200000 || counters.heap_count != 2) {
    return 3;
  }
  talc_arena_free(arena, name, 200000, 1);
  if (talc_arena_check(arena) != 0) {
    return 4;
  }
  puts("ok");
  return 0;
}
