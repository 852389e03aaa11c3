// The one process heap behind every exported function.
//
// Constant-initialised: it serves from the first instruction on, before constructors have run, and
// is never destroyed, for others free in their destructors. process.cpp defines it, and what is
// done once per process. Used by every file here.
#pragma once

#include "talc/api/process_heap.hpp"

namespace talc {

extern constinit ProcessHeap the_process_heap;

inline ProcessHeap& process_heap() { return the_process_heap; }

}  // namespace talc
