// The ways to look at memory over time; each prints what it saw as CSV. See the sources.
#pragma once

#include <stdint.h>

namespace bench {

// Phases of a server's day, 18 seconds at 100%, which scales the time: cycle.cpp.
void run_cycle(uint64_t scale_percent);

// Churn whose sizes and lifetimes drift, about ten seconds at 100%, which scales how much of it there is:
// fragmentation.cpp.
void run_fragmentation(uint64_t scale_percent);

// 1 GiB at 100%, which scales how much there is, filled and freed: give_back.cpp.
enum class Freeing { kEachItsOwn, kOneAtRandom };
void run_give_back(uint64_t scale_percent, Freeing freeing);

// Messages and buffers that come and go, 5 seconds at 100%, which scales the time: cyclic.cpp.
void run_cyclic(uint64_t scale_percent);

}  // namespace bench
