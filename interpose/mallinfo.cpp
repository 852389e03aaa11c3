// mallinfo, mallinfo2 and mallopt: what only glibc has a header for. Not built where libc is another.
//
// They answer for talc, in glibc's terms, as introspection.cpp's do. None allocates.
#include <limits.h>
#include <malloc.h>

#include "interpose/export.hpp"
#include "interpose/process.hpp"

namespace talc {
namespace {

struct mallinfo2 get_info() {
  ProcessStats stats;
  process_heap().get_stats(stats, TheHeap::Resident::skip);
  struct mallinfo2 info = {};
  info.arena = stats.mapped - stats.huge_bytes;  // from the kernel, without huge blocks
  info.ordblks = stats.fragments;                // free pieces
  info.hblks = stats.huge_blocks;                // blocks with a mapping of their own
  info.hblkhd = stats.huge_bytes;                // their bytes
  info.uordblks = info.arena - stats.retained;   // in use, with what that costs
  info.fordblks = stats.retained;                // free
  info.keepcost = 0;
  return info;
}

// A member of the older mallinfo: an int, which stays at its largest value.
int to_int(size_t value) { return value > INT_MAX ? INT_MAX : static_cast<int>(value); }

}  // namespace
}  // namespace talc

extern "C" {

TALC_EXPORT struct mallinfo2 mallinfo2() noexcept { return talc::get_info(); }

TALC_EXPORT struct mallinfo mallinfo() noexcept {
  using talc::to_int;
  const struct mallinfo2 info = talc::get_info();
  struct mallinfo old = {};
  old.arena = to_int(info.arena);
  old.ordblks = to_int(info.ordblks);
  old.hblks = to_int(info.hblks);
  old.hblkhd = to_int(info.hblkhd);
  old.uordblks = to_int(info.uordblks);
  old.fordblks = to_int(info.fordblks);
  old.keepcost = to_int(info.keepcost);
  return old;
}

// glibc's parameters are advice about glibc's ways; taking none of it is success. To be refused:
// what changes the contents of blocks, and what glibc has no name for.
TALC_EXPORT int mallopt(int parameter, int value) noexcept {
  switch (parameter) {
    case M_MXFAST:
    case M_NLBLKS:
    case M_GRAIN:
    case M_KEEP:
    case M_TRIM_THRESHOLD:
    case M_TOP_PAD:
    case M_MMAP_THRESHOLD:
    case M_MMAP_MAX:
    case M_CHECK_ACTION:
    case M_ARENA_TEST:
    case M_ARENA_MAX:
      return 1;
    case M_PERTURB:
      return value == 0 ? 1 : 0;
    default:
      return 0;
  }
}

}  // extern "C"
