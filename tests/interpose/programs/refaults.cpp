// Allocates, touches and frees the same blocks, of the kind that is asked for, in cycles. Prints the page faults
// of the first cycle, and the most that one of ten later cycles has, which begin after so many more.
//
//   refaults small|middle|huge CYCLES
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

namespace {

struct Kind {
  const char* name;
  size_t size;
  size_t count;
};
constexpr Kind kKinds[] = {
    {"small", 100, (size_t{64} << 20) / 100},
    {"middle", size_t{100} << 10, 200},
    {"huge", size_t{8} << 20, 1},
};

long faults() {
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_minflt;
}

// Returns the faults of it.
long cycle(const Kind& kind, void** blocks) {
  const long before = faults();
  for (size_t i = 0; i < kind.count; ++i) {
    blocks[i] = malloc(kind.size);
    memset(blocks[i], 1, kind.size);
  }
  for (size_t i = 0; i < kind.count; ++i) {
    free(blocks[i]);
  }
  return faults() - before;
}

int run(const Kind& kind, int more) {
  const size_t table_bytes = kind.count * sizeof(void*);
  void* const table = mmap(nullptr, table_bytes, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  auto** const blocks = static_cast<void**>(table);
  const long first = cycle(kind, blocks);
  long most = 0;
  for (int i = 0; i < more + 10; ++i) {
    const long now = cycle(kind, blocks);
    most = i >= more && now > most ? now : most;
  }
  printf("%ld %ld\n", first, most);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  for (const Kind& kind : kKinds) {
    if (argc == 3 && strcmp(kind.name, argv[1]) == 0) {
      return run(kind, atoi(argv[2]));
    }
  }
  return 2;
}
