// The fields of reports: one table, whose names are the keys of every form and are only ever added to.
//
// What the values mean is said by talc/api/process_stats.hpp and docs/STATISTICS.md; a test holds the
// document to this table. Used by report_*.cpp, and by live_page_writer.cpp, which shows some of them.
#pragma once

#include "interpose/snapshot.hpp"

namespace talc {

enum class Unit : unsigned char { kCount, kBytes, kMilliseconds };

// In the tables, not pointed to: the loader would write each pointer, in every process.
using FieldName = char[20];
using Meaning = char[40];

struct Field {
  FieldName name;
  size_t ProcessStats::*value;
  Unit unit;
  bool only_grows;  // a counter; else it goes up and down
  Meaning meaning;
};

inline constexpr Field kFields[] = {
    {"allocations", &ProcessStats::allocations, Unit::kCount, true, "blocks handed out"},
    {"frees", &ProcessStats::frees, Unit::kCount, true, "blocks taken back"},
    {"allocated", &ProcessStats::allocated, Unit::kBytes, false, "usable bytes of live blocks"},
    {"active", &ProcessStats::active, Unit::kBytes, false, "the same with what each block costs"},
    {"metadata", &ProcessStats::metadata, Unit::kBytes, false, "what serves all blocks"},
    {"cached", &ProcessStats::cached, Unit::kBytes, false, "free, in threads' caches"},
    {"populated", &ProcessStats::populated, Unit::kBytes, false,
     "of cached, resident ahead of use"},
    {"populated_ever", &ProcessStats::populated_ever, Unit::kBytes, true,
     "made resident ahead of use"},
    {"in_transit", &ProcessStats::in_transit, Unit::kBytes, false,
     "free, on the way to their arena"},
    {"slabs", &ProcessStats::slabs, Unit::kBytes, false, "cut into small blocks, free ones too"},
    {"slab_free", &ProcessStats::slab_free, Unit::kBytes, false, "free small blocks in slabs"},
    {"group_free", &ProcessStats::group_free, Unit::kBytes, false, "set aside for further slabs"},
    {"gaps", &ProcessStats::gaps, Unit::kBytes, false, "between blocks"},
    {"kept", &ProcessStats::kept, Unit::kBytes, false, "freed huge blocks, for the next ones"},
    {"reserve", &ProcessStats::reserve, Unit::kBytes, false, "for when memory runs out"},
    {"resident", &ProcessStats::resident, Unit::kBytes, false, "in memory"},
    {"mapped", &ProcessStats::mapped, Unit::kBytes, false, "from the kernel"},
    {"retained", &ProcessStats::retained, Unit::kBytes, false, "mapped, and free"},
    {"dirty", &ProcessStats::dirty, Unit::kBytes, false, "free, and has memory, or may have"},
    {"purged", &ProcessStats::purged, Unit::kBytes, false, "free, and without memory"},
    {"peak", &ProcessStats::peak, Unit::kBytes, false, "the most that was mapped"},
    {"peak_uptime", &ProcessStats::peak_uptime_ms, Unit::kMilliseconds, false, "when that was"},
    {"heaps", &ProcessStats::heaps, Unit::kCount, false, "heaps, a huge block being one"},
    {"fragments", &ProcessStats::fragments, Unit::kCount, false, "gaps between blocks"},
    {"mappings", &ProcessStats::mappings, Unit::kCount, false, "mappings in use"},
    {"system_calls", &ProcessStats::system_calls, Unit::kCount, true,
     "calls of the kernel for memory"},
    {"huge_blocks", &ProcessStats::huge_blocks, Unit::kCount, false,
     "live blocks with their own mapping"},
    {"huge_bytes", &ProcessStats::huge_bytes, Unit::kBytes, false,
     "of live blocks with their own mapping"},
};

// Of each arena. The text has those that fit into a line.
struct ArenaField {
  FieldName name;
  size_t ArenaStats::*value;
  Unit unit;
  bool only_grows;
  bool is_in_text;
};

inline constexpr ArenaField kArenaFields[] = {
    {"allocations", &ArenaStats::allocations, Unit::kCount, true, true},
    {"frees", &ArenaStats::frees, Unit::kCount, true, true},
    {"allocated", &ArenaStats::allocated, Unit::kBytes, false, true},
    {"active", &ArenaStats::active, Unit::kBytes, false, false},
    {"metadata", &ArenaStats::metadata, Unit::kBytes, false, false},
    {"cached", &ArenaStats::cached, Unit::kBytes, false, false},
    {"populated", &ArenaStats::populated, Unit::kBytes, false, false},
    {"in_transit", &ArenaStats::in_transit, Unit::kBytes, false, false},
    {"slabs", &ArenaStats::slabs, Unit::kBytes, false, false},
    {"slab_free", &ArenaStats::slab_free, Unit::kBytes, false, false},
    {"group_free", &ArenaStats::group_free, Unit::kBytes, false, false},
    {"gaps", &ArenaStats::gaps, Unit::kBytes, false, false},
    {"resident", &ArenaStats::resident, Unit::kBytes, false, true},
    {"mapped", &ArenaStats::mapped, Unit::kBytes, false, true},
    {"retained", &ArenaStats::retained, Unit::kBytes, false, true},
    {"dirty", &ArenaStats::dirty, Unit::kBytes, false, true},
    {"purged", &ArenaStats::purged, Unit::kBytes, false, false},
    {"heaps", &ArenaStats::heaps, Unit::kCount, false, false},
    {"fragments", &ArenaStats::fragments, Unit::kCount, false, false},
};

// Of each size class that has slabs.
struct ClassField {
  FieldName name;
  size_t ClassStats::*value;
  bool only_grows;
};

inline constexpr ClassField kClassFields[] = {
    {"slabs", &ClassStats::slabs, false},
    {"slots", &ClassStats::slots, false},
    {"live", &ClassStats::live, false},
    {"cached", &ClassStats::cached, false},
    {"in_transit", &ClassStats::in_transit, false},
    {"free", &ClassStats::free, false},
    {"allocations", &ClassStats::allocations, true},
    {"frees", &ClassStats::frees, true},
};

// Of blocks of 8 KiB to 4 MiB.
struct MiddleField {
  FieldName name;
  size_t ProcessStats::*value;
  bool only_grows;
};

inline constexpr MiddleField kMiddleFields[] = {
    {"blocks", &ProcessStats::middle_blocks, false},
    {"bytes", &ProcessStats::middle_bytes, false},
    {"hot_blocks", &ProcessStats::hot_blocks, false},
    {"hot_bytes", &ProcessStats::hot_bytes, false},
    {"in_transit_bytes", &ProcessStats::middle_in_transit, false},
    {"allocations", &ProcessStats::middle_allocations, true},
    {"frees", &ProcessStats::middle_frees, true},
};

// Of what the purger has done.
struct PurgeField {
  FieldName name;
  size_t ProcessStats::*value;
  Unit unit;
  Meaning meaning;
};

inline constexpr PurgeField kPurgeFields[] = {
    {"passes", &ProcessStats::purge_passes, Unit::kCount, "walks over free memory, for the kernel"},
    {"bytes", &ProcessStats::purge_bytes, Unit::kBytes, "that they gave back"},
};

// Of the whole process, as the kernel sees it.
struct KernelField {
  FieldName name;
  uint64_t ProcessMemory::*value;
  Unit unit;
  bool only_grows;
  Meaning meaning;
};

inline constexpr KernelField kKernelFields[] = {
    {"rss", &ProcessMemory::rss, Unit::kBytes, false, "of the process, in memory"},
    {"anon_huge_pages", &ProcessMemory::anon_huge_pages, Unit::kBytes, false, "in huge pages"},
    {"lazy_free", &ProcessMemory::lazy_free, Unit::kBytes, false, "which the kernel may take"},
    {"mappings", &ProcessMemory::mappings, Unit::kCount, false, "regions of the address space"},
    {"minor_faults", &ProcessMemory::minor_faults, Unit::kCount, true,
     "page faults without a disk"},
    {"major_faults", &ProcessMemory::major_faults, Unit::kCount, true, "page faults with one"},
};

// How often the kernel was called; their sum is system_calls.
struct CallField {
  FieldName name;
  size_t CallCounts::*value;
};

inline constexpr CallField kCallFields[] = {
    {"mmap", &CallCounts::mmap},         {"munmap", &CallCounts::munmap},
    {"mremap", &CallCounts::mremap},     {"madvise", &CallCounts::madvise},
    {"mprotect", &CallCounts::mprotect}, {"mincore", &CallCounts::mincore},
};

// What is no field of a struct.
inline constexpr char kAdvisedMeaning[] = "for which huge pages were asked";
inline constexpr char kLimitMeaning[] = "that may be mapped";

}  // namespace talc
