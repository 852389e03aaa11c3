// Counting steps: one for each turn of a loop in the engine, so that tests can hold operations to
// their stated bounds. Costs nothing unless TALC_COUNT_STEPS is defined, as one test does.
#pragma once

#include <stddef.h>

namespace talc {

#ifdef TALC_COUNT_STEPS
inline constinit size_t step_count = 0;
inline void count_step() { step_count += 1; }
#else
inline void count_step() {}
#endif

}  // namespace talc
