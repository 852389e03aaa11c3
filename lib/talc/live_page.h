/* live_page.h: a file of one page in which a process shows its counters to others, some four times a
   second, if TALC_WATCH asks for it. For readers, in C11 and C++, which need nothing else.

     | magic, version, bytes | sequence | process, program | uptime_ms | counters … |   4096 bytes

   A reader maps the file, shared and read-only, and reads all of it between two looks at `sequence`, the
   first one an acquire load, the second one behind an acquire fence: what he has is of one moment if both
   were the same even number. `bytes` is how much of the page the library knows: later versions add
   counters at the end, and a reader takes those beyond it for unknown. A page of another `version`, or
   whose magic is not there yet, is none to be read. docs/STATISTICS.md says what the counters mean. */
#ifndef TALC_LIVE_PAGE_H
#define TALC_LIVE_PAGE_H

#include <stdint.h>

/* What the file begins with, without a NUL. */
#define TALC_LIVE_PAGE_MAGIC "talcpage"
/* Of the layout; counters that are added do not change it. */
#define TALC_LIVE_PAGE_VERSION 1
/* Of the file. */
#define TALC_LIVE_PAGE_BYTES 4096

/* What the page begins with. The counters are those of `struct talc_stats`, in talc/control.h. */
struct talc_live_page {
  char magic[8];      /* TALC_LIVE_PAGE_MAGIC */
  uint32_t version;   /* TALC_LIVE_PAGE_VERSION */
  uint32_t bytes;     /* of this struct */
  uint64_t sequence;  /* odd while it is being written */
  uint64_t process;   /* its number */
  char program[64];   /* its name, with a NUL */
  uint64_t uptime_ms; /* milliseconds since the library started */

  uint64_t allocations; /* number of blocks handed out, ever */
  uint64_t frees;       /* number of blocks taken back, ever */
  uint64_t allocated;   /* usable bytes of live blocks */
  uint64_t active;      /* the same with what each block costs */
  uint64_t metadata;    /* what serves all blocks */
  uint64_t cached;      /* free, in threads' caches */
  uint64_t in_transit;  /* free, on the way to their arena */
  uint64_t slabs;       /* cut into small blocks, free ones too */
  uint64_t slab_free;   /* free, in slabs */
  uint64_t resident;    /* of the whole process, in memory */
  uint64_t mapped;      /* from the kernel */
  uint64_t retained;    /* mapped, and free */
  uint64_t dirty;       /* free, with memory, or perhaps */
  uint64_t purged;      /* free, without memory */
  uint64_t peak;        /* the most that was mapped at once */
  uint64_t heaps;       /* number of heaps, a huge block being one */
  uint64_t huge_bytes;  /* bytes of live blocks with a mapping of their own */
  uint64_t arenas;      /* number of arenas */
};

#endif
