// Memory over time: what is resident beside what is live, sampled while a program grows and shrinks.
//
//   phases cycle|fragmentation [SCALE_PERCENT]
//
// Prints time_s,phase,live_bytes,resident_bytes. SCALE_PERCENT scales the time; how much is live stays
// the same. Run as a whole process under the allocator to be looked at.
#include <stdio.h>
#include <string.h>

#include "../common/program.hpp"
#include "workloads.hpp"

int main(int argc, char** argv) {
  const bool is_cycle = argc > 1 && strcmp(argv[1], "cycle") == 0;
  const bool is_fragmentation = argc > 1 && strcmp(argv[1], "fragmentation") == 0;
  const uint64_t percent = argc > 2 ? bench::parse_number(argv[2], 5000) : 100;
  if (argc > 3 || !(is_cycle || is_fragmentation) || percent == 0) {
    fprintf(stderr, "usage: phases cycle|fragmentation [SCALE_PERCENT]  (at most 5000)\n");
    return 2;
  }
  if (is_cycle) {
    bench::run_cycle(percent);
  } else {
    bench::run_fragmentation(percent);
  }
}
