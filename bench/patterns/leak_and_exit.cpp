// Threads that end and leave blocks behind, which later threads free, or nobody.
//
// After mleak by Daan Leijen (mimalloc-bench). A thread allocates 16 blocks of 16 to 1,023 bytes, frees
// half of them, leaves seven in a table where later threads find and free them, forgets one, and ends.
// Stresses: what becomes of the memory of threads that are gone; an allocator that cannot use it again
// grows with each thread. THREADS threads run at once; how many there are in all does not depend on it.
#include <atomic>

#include "common.hpp"

namespace {

constexpr size_t kSlots = 1000;
constexpr size_t kBlocks = 16;
constexpr size_t kMinSize = 16;
constexpr size_t kMaxSize = 1024;
constexpr uint64_t kThreads = 2000;

// Starts each block, which another thread may free.
struct Left {
  uint64_t size;
  uint64_t check;
};

std::atomic<Left*> slots[kSlots];

Left* allocate(bench::Random& random) {
  const uint64_t size = random.in(kMinSize, kMaxSize);
  Left* const block = static_cast<Left*>(malloc(size));
  if (block == nullptr) {
    bench::fail("out of memory");
  }
  *block = {size, ~size};
  bench::escape(block);
  return block;
}

uint64_t release(Left* block) {
  if (block == nullptr) {
    return 0;
  }
  const uint64_t size = block->size;
  if (block->check != ~size) {
    bench::fail("a block does not hold what was written");
  }
  free(block);
  return size;
}

uint64_t live_and_end(uint64_t seed) {
  bench::Random random(seed);
  Left* blocks[kBlocks];
  for (Left*& block : blocks) {
    block = allocate(random);
  }
  uint64_t sum = 0;
  for (size_t i = 0; i < kBlocks; i += 2) {
    sum += release(blocks[i]);
  }
  // blocks[1] is the forgotten one.
  for (size_t i = 3; i < kBlocks; i += 2) {
    sum += release(slots[random.in(0, kSlots)].exchange(blocks[i]));
  }
  return sum;
}

}  // namespace

int main(int argc, char** argv) {
  const bench::Arguments arguments = bench::parse_arguments(argc, argv);
  const uint64_t threads = arguments.scaled(kThreads);
  uint64_t sum = bench::run_threads(arguments.threads, [&](unsigned index) {
    uint64_t lane_sum = 0;
    const uint64_t count = bench::share(threads, index, arguments.threads);
    for (uint64_t i = 0; i < count; ++i) {
      auto life = [&](unsigned) { return live_and_end(i * bench::kMaxThreads + index); };
      bench::Thread<decltype(life)> thread;
      thread.start(life, 0);
      lane_sum += thread.join();
    }
    return lane_sum;
  });
  for (std::atomic<Left*>& slot : slots) {
    sum += release(slot.exchange(nullptr));
  }
  bench::print_checksum(sum);
}
