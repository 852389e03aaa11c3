// Snapshot: all that a report tells, of one moment, before anything of it is printed.
//
// Of 70 KB, so it lives in the ReportBuffer. statistics_service.cpp and introspection.cpp have them
// taken; report.hpp prints them.
#pragma once

#include "talc/api/process_stats.hpp"
#include "talc/os/process_memory.hpp"

namespace talc {

// Why there is a report.
enum class Reason : unsigned char { exit, interval, signal, call };

// How often the kernel was asked for what.
struct CallCounts {
  size_t mmap = 0;
  size_t munmap = 0;
  size_t mremap = 0;
  size_t madvise = 0;
  size_t mprotect = 0;
  size_t mincore = 0;
};

struct Snapshot {
  Reason reason = Reason::call;
  uint64_t date_ms = 0;  // since 1970
  size_t uptime_ms = 0;
  ProcessStats stats;
  ProcessMemory kernel;
  CallCounts calls;
  size_t advised_bytes = 0;  // for which huge pages were asked, ever
  HeapDetail detail;
};

// Fills `out`, which need not be constructed. Cost: linear in the blocks' chunks. Locks: one arena's at a time.
void take_snapshot(Snapshot& out, Reason reason);

}  // namespace talc
