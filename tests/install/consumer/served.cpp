// Somebody's program in C++, which talc serves: what operator new hands out, talc counts.
// consumer_test.py builds it in every way of docs/INSTALL.md, and runs it.
#include <stdio.h>
#include <talc/control.h>

namespace {

constexpr int kBlocks = 1000;

size_t allocations() {
  talc_stats stats = {};
  stats.size = sizeof stats;
  talc_stats_get(&stats);
  return stats.allocations;
}

int* volatile kept[kBlocks];

}  // namespace

int main() {
  const size_t before = allocations();
  for (int* volatile& block : kept) {
    block = new int(1);
  }
  const size_t served = allocations() - before;
  for (int* volatile& block : kept) {
    delete block;
  }
  printf("talc served %zu blocks\n", served);
  return served == kBlocks ? 0 : 1;
}
