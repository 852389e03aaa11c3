/* control.h: what a program may ask of the talc that stands behind its malloc, and tell it.

       static int shed(int event, size_t size, void* cache) {
         return event == TALC_OOM_REFUSED && cache_drop_half(cache);
       }
       talc_ctl("heap_limit", NULL, 0, "2G");
       talc_set_reserve(16 << 20);
       talc_set_oom_handler(shed, cache);

   The program is linked with -ltalc, or runs with libtalc.so preloaded: then declare the functions
   weak (#pragma weak talc_ctl), and see whether they are there. libtalc-hardened.so has them too.
   Arenas on memory of your own are in talc.h, and have nothing to do with this.

   Unless it says otherwise, every function may be called by any thread at any time, also in a fork's
   child, allocates nothing and leaves errno alone. None is for signal handlers. "May not allocate"
   means: no malloc, free or anything that calls them. C11, and C++. */
#ifndef TALC_CONTROL_H
#define TALC_CONTROL_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- when memory runs out ----

   A request that neither the caches nor the kernel nor the heap's own limit can serve goes through
   this, in order: what nobody uses is given back, and it is tried again; the reserve is given up, and
   it is tried again; the handler is asked, and as long as it says so it is tried again; then it is
   null and ENOMEM, or bad_alloc once std::new_handler has been asked. */

/* What an OOM handler is told of. */
enum {
  TALC_OOM_RESERVE = 1, /* the reserve has just been given up; the request will be tried again */
  TALC_OOM_REFUSED = 2  /* there is nothing left: may it be tried again? */
};

/* Called in the thread whose request it is, with none of talc's locks held; by several threads at
   once, if they run out at once. `size` is that of the request. On TALC_OOM_REFUSED it returns
   whether to try again, not zero, because it has freed something; what it returns on
   TALC_OOM_RESERVE does not matter.

   It may free, and it may allocate: within it what cannot be served is null at once, without another
   call. It may set handlers, the reserve and options. It must return: longjmp or an exception out of
   it is undefined. A handler that says "again" for ever makes malloc wait for ever. errno is kept.

   Compilers know malloc, and take it that it calls nothing of the program's: what a handler changes
   and the code around a malloc reads should be volatile or atomic, or compiled with
   -fno-builtin-malloc. */
typedef int talc_oom_handler(int event, size_t size, void* arg);

/* Has `handler` asked, with `arg`, when memory runs out. Null: none, as at the start. Another thread may be
   in the old one still. Cost: a few stores; while another thread sets one, sleeps of a millisecond,
   a hundred at most. */
void talc_set_oom_handler(talc_oom_handler* handler, void* arg);

/* Sets `size` bytes aside, rounded up to pages: mapped, so that they count where limits count, but not
   touched but for their first page, so that they cost no memory. 0: no reserve, as at the start. When it has been given up it is
   had again as soon as there is room: by talc_purge and malloc_trim, when a huge block is freed, and by
   the background thread.
   Returns 0, or -1 if there is no room now: then it will be had when there is; of more than a quarter of
   the address space there never is any, and the reserve stays as it was. Cost: a system call or two.
   Locks: none. */
int talc_set_reserve(size_t size);

/* Gives back to the kernel what nobody uses: the caller's cache, slabs, tops of heaps, the pages of
   gaps, freed huge blocks; and has the reserve again. As malloc_trim(0). Returns 1 if the
   kernel took anything, perhaps once more, else 0. Cost: linear in the number of blocks. Locks: one
   arena's at a time; one that is busy is waited for, a second at most, and passed over then. */
int talc_purge(void);

/* ---- options ---- */

/* Reads and sets an option, by the name and with the values that it has in TALC_CONF: "purge_delay",
   "500" (docs/OPTIONS.md). Either may be left out: `value` null reads nothing, `new_value` null sets
   nothing. The old value is NUL-terminated; `size` is the room for it. Returns 0 or

     ENOENT   no option has that name
     ERANGE   `size` is too small; nothing was set
     EPERM    it cannot be set while the program runs; the value was read
     EINVAL   the new value is none of that option; the old one was read and holds

   `name` is not null. A lower heap_limit takes nothing away; it is what must not be passed from then on.
   Cost: a comparison for each option; a percentage as heap_limit reads files of /proc, thp makes a
   system call. Locks: none. */
int talc_ctl(const char* name, char* value, size_t size, const char* new_value);

/* ---- statistics ---- */

/* What the heap has now, and has handled in all, in bytes where nothing else is said. What they mean
   exactly: lib/talc/api/process_stats.hpp.

     mapped = active + metadata + retained
     retained = cached + in_transit + slab_free + group_free + gaps + kept + reserve = dirty + purged

   Later versions append fields. */
struct talc_stats {
  size_t size; /* set by you: sizeof(struct talc_stats) */

  size_t allocations;    /* number of blocks handed out, ever */
  size_t frees;          /* number of blocks taken back, ever */
  size_t allocated;      /* usable bytes of live blocks */
  size_t active;         /* the same with what each block costs */
  size_t metadata;       /* what serves all blocks */
  size_t cached;         /* free, in threads' caches */
  size_t in_transit;     /* free, on the way to their arena */
  size_t slabs;          /* cut into small blocks, free ones too */
  size_t slab_free;      /* free, in slabs */
  size_t group_free;     /* free, for slabs */
  size_t gaps;           /* free, between blocks */
  size_t kept;           /* free huge blocks */
  size_t reserve;        /* set aside by talc_set_reserve, and there now */
  size_t resident;       /* in memory */
  size_t mapped;         /* from the kernel */
  size_t retained;       /* mapped, and free */
  size_t dirty;          /* free, with memory, or perhaps */
  size_t purged;         /* free, without memory */
  size_t peak;           /* the most that was mapped at once */
  size_t peak_uptime_ms; /* when that was: milliseconds since the library started */
  size_t heap_limit;     /* the most that may be mapped and not purged; all ones: no limit */
  size_t heaps;          /* number of heaps, a huge block being one */
  size_t fragments;      /* number of gaps */
  size_t mappings;       /* number of mappings in use */
  size_t arenas;         /* number of arenas */
  size_t huge_blocks;    /* number of live blocks with a mapping of their own */
  size_t huge_bytes;     /* their bytes */
  size_t advised;        /* that the kernel was asked to give huge pages for, ever */
  size_t system_calls;   /* number of calls of the kernel for memory, ever; by kind: */
  size_t mmap_calls;     /* of them mmap */
  size_t munmap_calls;   /* munmap */
  size_t mremap_calls;   /* mremap */
  size_t madvise_calls;  /* madvise */
  size_t mprotect_calls; /* mprotect */
  size_t mincore_calls;  /* mincore: for statistics, and to clear huge blocks */
};

/* Fills in the first `stats->size` bytes of `stats`, which must be set; fields that this version of
   the library does not know become 0. Exact when no other thread is at work, else a sum over moments.
   Cost: linear in threads' caches, and a system call for each 8 MiB. Locks: one arena's at a time; of one
   that is busy for a second it tells what can be read without. */
void talc_stats_get(struct talc_stats* stats);

/* Prints a report as TALC_STATS does: `format` is "text", "json", "prom" or "xml" (docs/STATISTICS.md).
   Calls `write` once, with all of it, not NUL-terminated; it may do what it likes. Returns 0; EINVAL
   for another format; ENOMEM if there is no room for a report: then nothing was written.
   Cost: linear in the blocks. Waits for arenas. */
int talc_stats_print(void (*write)(const char* text, size_t size, void* arg), void* arg,
                     const char* format);

/* ---- every block ---- */

/* The arena of a block that has a mapping of its own. */
#define TALC_NO_ARENA (~0U)

/* Told of one block: malloc_usable_size(block) is `size`, and it belongs to that arena. Not 0: stop.
   It may not allocate, fork, wait for a thread that might, longjmp or throw: the arena is locked. */
typedef int talc_visitor(void* block, size_t size, unsigned arena, void* arg);

/* Tells of every block that the program has, in no order: not of those that caches, outboxes and the
   hardened library's quarantine hold, nor, in a fork's child, of those in an arena that another thread
   was at work in for two seconds before the fork. Exact if no other thread allocates or frees meanwhile; otherwise
   a block that comes or goes while it is at work may be told or not, and one that was told may be gone
   (do not read a block that another thread may free). Of a huge block the hardened library tells the
   room, which may be more than its usable size.
   Returns 0 after the last one; what the visitor returned, if that is not 0; or -1, and errno is
   ENOMEM: no memory for a list of what is cached, or EBUSY: an arena was not to be had for a second.
   Cost: linear in the blocks. */
int talc_walk(talc_visitor* visitor, void* arg);

/* ---- the end ---- */

/* Called once, before talc ends the process, with the line that was written to standard error, without
   its newline: "talc: double free: 0x7f12345678". It may not allocate, for the heap may be broken and
   locked; it may write, or end the process in its own way, _exit or a signal. If it returns, abort
   follows, which raises SIGABRT. A second fault in the handler aborts at once. */
typedef void talc_abort_handler(const char* line, void* arg);

/* Has `handler` called, with `arg`, before an abort. Null: none, as at the start. Cost: as
   talc_set_oom_handler. */
void talc_set_abort_handler(talc_abort_handler* handler, void* arg);

#ifdef __cplusplus
}
#endif

#endif
