/* talc.h: talc's arenas for C. An arena allocates from memory that you give it, and from
   nothing else.

       static char memory[1 << 20];
       talc_arena* arena = talc_arena_create(memory, sizeof memory);
       char* name = talc_arena_malloc(arena, 100, 1);
       name = talc_arena_realloc(arena, name, 100, 1, 200);
       talc_arena_free(arena, name, 200, 1);

   Blocks carry no size: free and realloc are told the one that was asked for last, and the
   alignment. That costs 8 bytes a block and 24 bytes at least (12 on 32 bits), wherever the
   block lies.

   Sizes and alignments are bytes. An alignment is a power of two, of any magnitude; 0 stands
   for that of max_align_t. No function takes a lock: an arena is used by one thread at a time,
   different arenas by any. None touches errno, allocates elsewhere or calls the operating
   system. Passing a pointer or a size that is not the block's own is undefined, as for free.

   An arena needs no destruction: drop it, and its memory is yours again. It lives in its first
   memory and must not be copied or moved.

   Link with -ltalc; malloc and free then are talc's as well. C11, and C++. */
#ifndef TALC_TALC_H
#define TALC_TALC_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* An arena: what talc_arena_create returns a pointer to. Its contents are talc's. */
typedef struct talc_arena talc_arena;

/* What an arena holds now, and has handled in all. Later versions append fields. */
struct talc_counters {
  size_t size; /* set by you: sizeof(struct talc_counters) */

  size_t live_allocations;  /* blocks allocated and not yet freed */
  size_t total_allocations; /* allocations that succeeded, ever */
  size_t live_bytes;        /* sum of the sizes asked for, of live blocks */
  size_t total_bytes;       /* sum of the sizes asked for, ever; growing a block adds */
  size_t available_bytes;   /* bytes in gaps: what blocks may still be cut from */
  size_t gap_count;         /* number of gaps */
  size_t heap_count;        /* memories claimed: the first one, and one for each talc_arena_claim */
  size_t claimed_bytes;     /* bytes of those memories, without what alignment cut off */
  size_t overhead_bytes;    /* claimed - available - live: tags, rounding, the arena's tables */
  size_t freed_allocations; /* number of blocks freed, ever: total - live */
  size_t freed_bytes;       /* sum of what was freed, ever: total - live */
};

/* Makes an arena inside `memory`, which may have any alignment and must outlive it. Returns
   null if the memory is null or too small; 512 bytes are enough for an arena and a small block.
   Cost: constant, whatever the size: the memory is not touched as a whole. */
talc_arena* talc_arena_create(void* memory, size_t size);

/* Lets the arena allocate from further memory too, which may lie anywhere and must outlive the
   arena. Returns 0, or -1 if it is null or too small to be of use; then it was not touched.
   Cost: constant, or linear in the number of gaps when a much larger memory makes the tables
   grow. */
int talc_arena_claim(talc_arena* arena, void* memory, size_t size);

/* Returns a block, or null if no gap can hold it or `align` is no power of two. A size of 0 gives a
   block too. A request that fits into some gap never fails.
   Cost: bounded; linear in the number of gaps before null is returned. */
void* talc_arena_malloc(talc_arena* arena, size_t size, size_t align);

/* Gives a block back. `size` is what was asked for last. Null is ignored. Cost: constant. */
void talc_arena_free(talc_arena* arena, void* block, size_t size, size_t align);

/* Changes the size of a block, which may move; its bytes stay, up to the smaller of the two
   sizes. Null for `block` allocates. A `new_size` of 0 leaves a block of 0 bytes, to be freed
   like any other. Returns null if there is no room or `align` is no power of two: then the old
   block is as it was. Getting smaller never fails. Cost: as malloc, and a copy if the block moves. */
void* talc_arena_realloc(talc_arena* arena, void* block, size_t old_size, size_t align,
                         size_t new_size);

/* Returns 0 if every invariant of the arena holds, else -1: something wrote where it should not
   have. Changes nothing. Cost: linear in the number of blocks and gaps. */
int talc_arena_check(talc_arena* arena);

/* Fills in the first `counters->size` bytes of `counters`, which must be set; fields that this
   version of the library does not know become 0. Cost: constant. */
void talc_arena_counters(const talc_arena* arena, struct talc_counters* counters);

#ifdef __cplusplus
}
#endif

#endif
