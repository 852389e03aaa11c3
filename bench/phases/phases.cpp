// Memory over time: what is resident beside what is live, while a program grows, shrinks and idles.
//
//   phases cycle|fragmentation|give-back|give-back-one|cyclic [SCALE_PERCENT]
//
// Prints CSV: of cycle and fragmentation time_s,phase,live_bytes,resident_bytes, of the others what their
// sources say. Run as a whole process under the allocator to be looked at.
#include <stdio.h>
#include <string.h>

#include "../common/program.hpp"
#include "workloads.hpp"

namespace {

struct Workload {
  const char* name;
  void (*run)(uint64_t scale_percent);
};

constexpr Workload kWorkloads[] = {
    {"cycle", bench::run_cycle},
    {"fragmentation", bench::run_fragmentation},
    {"give-back",
     [](uint64_t percent) { bench::run_give_back(percent, bench::Freeing::kEachItsOwn); }},
    {"give-back-one",
     [](uint64_t percent) { bench::run_give_back(percent, bench::Freeing::kOneAtRandom); }},
    {"cyclic", bench::run_cyclic},
};

const Workload* find_workload(const char* name) {
  for (const Workload& workload : kWorkloads) {
    if (strcmp(workload.name, name) == 0) {
      return &workload;
    }
  }
  return nullptr;
}

}  // namespace

int main(int argc, char** argv) {
  const Workload* const workload = argc > 1 ? find_workload(argv[1]) : nullptr;
  const uint64_t percent = argc > 2 ? bench::parse_number(argv[2], 5000) : 100;
  if (argc > 3 || workload == nullptr || percent == 0) {
    fprintf(stderr,
            "usage: phases cycle|fragmentation|give-back|give-back-one|cyclic [SCALE_PERCENT]  "
            "(at most 5000)\n");
    return 2;
  }
  workload->run(percent);
}
