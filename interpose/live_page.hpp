/* The live page: a file of one page in which a process shows its counters to others, some four times a
   second, if TALC_WATCH asks for it. For C and C++: a reader needs nothing but this header.

     | magic, version, bytes | sequence | process, program | uptime_ms | counters … |   4096 bytes

   A reader maps the file, shared and read-only, and reads all of it between two looks at `sequence`:
   what he has is of one moment if both were the same even number. `bytes` is how much of the page
   the library knows: later versions add counters at the end. docs/STATISTICS.md says what they mean. */
#pragma once

#include <stdint.h>

#define TALC_LIVE_PAGE_MAGIC "talcpage" /* without a NUL */
#define TALC_LIVE_PAGE_VERSION 1
#define TALC_LIVE_PAGE_BYTES 4096

struct talc_live_page {
  char magic[8];
  uint32_t version;
  uint32_t bytes;    /* of this struct */
  uint64_t sequence; /* odd while it is being written */
  uint64_t process;
  char program[64]; /* with a NUL */
  uint64_t uptime_ms;

  uint64_t allocations;
  uint64_t frees;
  uint64_t allocated;
  uint64_t active;
  uint64_t metadata;
  uint64_t cached;
  uint64_t in_transit;
  uint64_t slabs;
  uint64_t slab_free;
  uint64_t resident; /* of the whole process */
  uint64_t mapped;
  uint64_t retained;
  uint64_t dirty;
  uint64_t purged;
  uint64_t peak;
  uint64_t heaps;
  uint64_t huge_bytes;
  uint64_t arenas;
};
