// The two ways to look at memory over time; each prints its samples as CSV. See the sources.
#pragma once

#include <stdint.h>

namespace bench {

// Phases of a server's day, 24 seconds at 100%: cycle.cpp.
void run_cycle(uint64_t scale_percent);

// Churn whose sizes and lifetimes drift, about a minute at 100%: fragmentation.cpp.
void run_fragmentation(uint64_t scale_percent);

}  // namespace bench
