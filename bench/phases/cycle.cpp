// Two cycles of growing, churning, freeing and idling, by four threads, on a schedule.
//
// Each action of a phase has its time, so that the curves of all allocators lie over one another; one that
// cannot keep up is late from there on, as all threads end a phase together. Cycle 1 has blocks of 16
// bytes to 2 KiB; a tenth of them outlives it, scattered. Cycle 2 has blocks of 64 bytes to 8 KiB: can it
// use what cycle 1 left? While idle no thread calls the allocator: what comes back then comes back by the
// allocator's own clock, if it has one.
#include <string.h>

#include <atomic>

#include "../common/program.hpp"
#include "../common/random.hpp"
#include "clock.hpp"
#include "samples.hpp"
#include "workloads.hpp"

namespace bench {
namespace {

constexpr unsigned kWorkers = 4;
constexpr double kSampleEvery = 0.02;
constexpr size_t kSmallBlocks = 120000;  // of each thread: 250 MiB in all
constexpr size_t kLargeBlocks = 30000;   // as many bytes
constexpr size_t kSurvivors = kSmallBlocks / 10;

enum class Deed { kGrow, kChurn, kFree, kIdle };

// `actions` of each thread, spread over `seconds`, on blocks other than the `spared` oldest.
struct Phase {
  const char* name;
  Deed deed;
  double seconds;
  size_t actions;
  size_t spared;
  size_t min_size;
  size_t max_size;
};

constexpr Phase kPhases[] = {
    {"grow", Deed::kGrow, 2, kSmallBlocks, 0, 16, 2048},
    {"churn", Deed::kChurn, 3, 4 * kSmallBlocks, 0, 16, 2048},
    {"free", Deed::kFree, 1, kSmallBlocks - kSurvivors, 0, 0, 0},
    {"idle", Deed::kIdle, 3, 0, 0, 0, 0},
    {"grow again", Deed::kGrow, 2, kLargeBlocks, 0, 64, 8192},
    {"churn again", Deed::kChurn, 3, 4 * kLargeBlocks, kSurvivors, 64, 8192},
    {"free all", Deed::kFree, 1, kSurvivors + kLargeBlocks, 0, 0, 0},
    {"idle again", Deed::kIdle, 3, 0, 0, 0, 0},
};

std::atomic<uint64_t> live_bytes = 0;
std::atomic<const char*> phase_name = kPhases[0].name;
pthread_barrier_t phase_ends;
std::atomic<unsigned> workers_left = 0;

struct Block {
  void* ptr;
  size_t size;
};

class Worker {
 public:
  Worker(unsigned index, Block* blocks) : random_(index), blocks_(blocks) {}

  void act(const Phase& phase) {
    switch (phase.deed) {
      case Deed::kGrow:
        blocks_[count_++] = allocate(phase);
        break;
      case Deed::kChurn: {
        Block& block = blocks_[random_.in(phase.spared, count_)];
        release(block);
        block = allocate(phase);
        break;
      }
      case Deed::kFree: {
        Block& block = blocks_[random_.in(phase.spared, count_)];
        release(block);
        block = blocks_[--count_];
        break;
      }
      case Deed::kIdle:
        break;
    }
  }

 private:
  Block allocate(const Phase& phase) {
    const size_t size = random_.in(phase.min_size, random_.in(phase.min_size + 1, phase.max_size));
    void* const ptr = malloc(size);
    if (ptr == nullptr) {
      fail("out of memory");
    }
    memset(ptr, 1, size);
    escape(ptr);
    live_bytes.fetch_add(size, std::memory_order_relaxed);
    return {ptr, size};
  }

  static void release(const Block& block) {
    live_bytes.fetch_sub(block.size, std::memory_order_relaxed);
    free(block.ptr);
  }

  Random random_;
  Block* blocks_;
  size_t count_ = 0;
};

void work(Worker& worker, double time_scale) {
  for (const Phase& phase : kPhases) {
    phase_name = phase.name;
    const double seconds = phase.seconds * time_scale;
    const double start = now_seconds();
    const double total = static_cast<double>(phase.actions);
    size_t done = 0;
    for (double share = 0; share < 1;) {
      share = (now_seconds() - start) / seconds;
      const size_t due = static_cast<size_t>(share < 1 ? share * total : total);
      for (; done < due; ++done) {
        worker.act(phase);
      }
      sleep_seconds(phase.deed == Deed::kIdle ? kSampleEvery : 0.001);
    }
    pthread_barrier_wait(&phase_ends);
  }
  workers_left -= 1;
}

// Resident from the start, so that it does not grow beside the heap.
Block* make_blocks() {
  constexpr size_t kRoom = kSmallBlocks + kLargeBlocks;
  Block* const blocks = make_table<Block>(kRoom);
  memset(static_cast<void*>(blocks), 0xff, kRoom * sizeof(Block));
  return blocks;
}

}  // namespace

void run_cycle(uint64_t scale_percent) {
  const double time_scale = static_cast<double>(scale_percent) / 100;
  Block* tables[kWorkers];
  for (Block*& table : tables) {
    table = make_blocks();
  }
  Samples samples;
  workers_left = kWorkers;
  pthread_barrier_init(&phase_ends, nullptr, kWorkers);
  // The first of the threads is this one: it samples.
  run_threads(kWorkers + 1, [&](unsigned index) {
    if (index > 0) {
      Worker worker(index, tables[index - 1]);
      work(worker, time_scale);
      return uint64_t{0};
    }
    while (workers_left != 0) {
      samples.take(phase_name, live_bytes);
      sleep_seconds(kSampleEvery * (time_scale < 1 ? time_scale : 1));
    }
    return uint64_t{0};
  });
  samples.print();
}

}  // namespace bench
