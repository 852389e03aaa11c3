/* A C program that asks and tells talc what talc/control.h has, linked with it dynamically or
   statically. Exits with 0 if all is well. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <talc/control.h>

enum { mebibyte = 1 << 20 };

/* What the program could do without. Volatile: compilers think that malloc calls no code of ours. */
static void* volatile cache;
static volatile int times_asked;

static int shed(int event, size_t size, void* arg) {
  (void)size;
  (void)arg;
  times_asked += 1;
  if (event != TALC_OOM_REFUSED || cache == NULL) {
    return 0;
  }
  free(cache);
  cache = NULL;
  return 1;
}

struct sought {
  void* block;
  size_t size;
};

static int find(void* block, size_t size, unsigned arena, void* arg) {
  struct sought* sought = arg;
  if (block == sought->block) {
    sought->size = size;
    return arena == TALC_NO_ARENA ? 2 : 1;
  }
  return 0;
}

static void print(const char* text, size_t size, void* stream) { fwrite(text, 1, size, stream); }

static void last_words(const char* line, void* arg) {
  fprintf(arg, "%s\n", line);
  fflush(arg);
  exit(0);
}

static void require(int is_true, int line) {
  if (!is_true) {
    printf("line %d\n", line);
    exit(1);
  }
}
#define REQUIRE(condition) require(condition, __LINE__)

int main(void) {
  char value[64];
  REQUIRE(talc_ctl("heap_limit", value, sizeof value, "100M") == 0 && strcmp(value, "none") == 0);
  REQUIRE(talc_ctl("no_such_thing", NULL, 0, "1") == ENOENT);
  REQUIRE(talc_set_reserve(10 * mebibyte) == 0);
  talc_set_oom_handler(&shed, NULL);
  cache = malloc(60 * mebibyte);
  void* const block = malloc(80 * mebibyte);
  REQUIRE(block != NULL && cache == NULL && times_asked == 2); /* the reserve, then the cache */

  struct talc_stats stats;
  stats.size = sizeof stats;
  talc_stats_get(&stats);
  REQUIRE(stats.mapped == stats.active + stats.metadata + stats.retained);
  REQUIRE(stats.heap_limit == 100 * mebibyte && stats.huge_blocks == 1);

  struct sought sought = {block, 0};
  REQUIRE(talc_walk(&find, &sought) == 2 && sought.size >= 80 * mebibyte);
  free(block);
  talc_purge();
  talc_stats_get(&stats);
  REQUIRE(stats.reserve == 10 * mebibyte && stats.mapped < 20 * mebibyte);
  REQUIRE(talc_walk(&find, &sought) == 0);
  REQUIRE(talc_stats_print(&print, stdout, "json") == 0);

  talc_set_abort_handler(&last_words, stdout);
  free(value + 16 - (size_t)value % 16);
  return 2;
}
