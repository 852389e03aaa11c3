// Hot paths of malloc one by one, with Google Benchmark: what a pair of calls costs when all is cached.
//
// A whole process, to be run under each allocator by LD_PRELOAD. One iteration is one block, allocated,
// written to (its first byte) and freed. `floor` is the same loop over an allocator that does nothing: no
// allocator can be below it. Such loops show the best case of an allocator and nothing of its locality
// or fragmentation: see patterns/ for those. Takes Google Benchmark's options.
#include <benchmark/benchmark.h>
#include <stdlib.h>

#include <new>
#include <vector>

#include "fixed_block.hpp"

namespace {

constexpr int64_t kLargest = 64 << 10;

struct Process {
  static void* allocate(size_t size) { return malloc(size); }
  static void release(void* ptr) { free(ptr); }
};

struct Floor {
  static void* allocate(size_t size) { return bench::fixed_block.allocate(size); }
  static void release(void* ptr) { bench::fixed_block.release(ptr); }
};

// The compiler must take it that somebody has seen the block.
void use(void* ptr) {
  *static_cast<char*>(ptr) = 1;
  benchmark::DoNotOptimize(ptr);
}

template <class Allocator>
void pair(benchmark::State& state) {
  const auto size = static_cast<size_t>(state.range(0));
  for (auto _ : state) {
    void* const ptr = Allocator::allocate(size);
    use(ptr);
    Allocator::release(ptr);
  }
}

enum class Order { kFirstInFirstOut, kLastInFirstOut };

// range(0): the size; range(1): how many blocks are allocated before the first is freed.
template <class Allocator, Order kOrder>
void batch(benchmark::State& state) {
  const auto size = static_cast<size_t>(state.range(0));
  std::vector<void*> blocks(static_cast<size_t>(state.range(1)));
  while (state.KeepRunningBatch(state.range(1))) {
    for (void*& block : blocks) {
      block = Allocator::allocate(size);
      use(block);
    }
    for (size_t i = 0; i < blocks.size(); ++i) {
      Allocator::release(blocks[kOrder == Order::kFirstInFirstOut ? i : blocks.size() - 1 - i]);
    }
  }
}

void zeroed(benchmark::State& state) {
  const auto size = static_cast<size_t>(state.range(0));
  for (auto _ : state) {
    void* const ptr = calloc(1, size);
    use(ptr);
    free(ptr);
  }
}

void aligned(benchmark::State& state) {
  const auto align = static_cast<size_t>(state.range(0));
  const auto size = static_cast<size_t>(state.range(1));
  for (auto _ : state) {
    void* const ptr = aligned_alloc(align, size);
    use(ptr);
    free(ptr);
  }
}

void new_delete_sized(benchmark::State& state) {
  const auto size = static_cast<size_t>(state.range(0));
  for (auto _ : state) {
    void* const ptr = ::operator new(size);
    use(ptr);
    ::operator delete(ptr, size);
  }
}

// One iteration is a whole life: from 16 bytes by halves of itself to range(0) bytes, then freed.
void realloc_growth(benchmark::State& state) {
  const auto largest = static_cast<size_t>(state.range(0));
  for (auto _ : state) {
    void* ptr = nullptr;
    for (size_t size = 16; size <= largest; size += size / 2) {
      ptr = realloc(ptr, size);
      use(ptr);
    }
    free(ptr);
  }
}

void add_batches(benchmark::internal::Benchmark* wanted) {
  wanted->ArgNames({"size", "blocks"})->ArgsProduct({{16, 64, 512}, {100, 1000}});
}

BENCHMARK(pair<Floor>)->Name("floor/pair")->Arg(32)->Arg(64);
BENCHMARK(batch<Floor, Order::kFirstInFirstOut>)->Name("floor/fifo")->Args({64, 1000});
BENCHMARK(pair<Process>)->Name("pair")->RangeMultiplier(2)->Range(8, kLargest);
BENCHMARK(pair<Process>)->Name("pair")->Arg(64)->Threads(2);
BENCHMARK(pair<Process>)->Name("pair")->Arg(1024)->Threads(2);
BENCHMARK(batch<Process, Order::kFirstInFirstOut>)->Name("fifo")->Apply(add_batches);
BENCHMARK(batch<Process, Order::kLastInFirstOut>)->Name("lifo")->Apply(add_batches);
BENCHMARK(zeroed)->Name("calloc")->Arg(64)->Arg(1024)->Arg(kLargest);
BENCHMARK(realloc_growth)->Name("realloc_growth")->Arg(4096)->Arg(1 << 20);
BENCHMARK(aligned)->Name("aligned_alloc")->Args({64, 256})->Args({4096, 4096});
BENCHMARK(new_delete_sized)->Name("new_delete_sized")->Arg(16)->Arg(64)->Arg(1024);

}  // namespace

BENCHMARK_MAIN();
