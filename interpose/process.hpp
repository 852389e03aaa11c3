// The one process heap behind every exported function.
//
// Constant-initialised: it serves from the first instruction on, before constructors have run, and
// is never destroyed, for others free in their destructors. process.cpp defines it, and what is
// done once per process. Used by every file here.
#pragma once

#include "interpose/options.hpp"
#include "talc/hard/hardened_heap.hpp"

namespace talc {

// The preset: hardened or not.
#ifdef TALC_HARDENED
using TheHeap = HardenedHeap;
inline constexpr char kLibraryName[] = "talc-hardened";
#else
using TheHeap = ProcessHeap;
inline constexpr char kLibraryName[] = "talc";
#endif

extern constinit TheHeap the_process_heap;

// Before .bss is touched. In libtalc.so only (own_pages.cpp).
[[gnu::weak]] void refuse_huge_pages_of_library();

inline TheHeap& process_heap() { return the_process_heap; }

// The options of the process, read at the start.
[[gnu::cold]] Options& process_options();

}  // namespace talc
