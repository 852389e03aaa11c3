// Tests of api/process_heap.hpp on a kernel that refuses: each single call of a workload in turn, all
// calls from one on, every so many. Nothing crashes, no block is lost, no lock stays held, and what
// was refused for a while is given back later.
//
// Each run is a process of its own, since what a heap has learnt (leaves of the page map, sharpened
// classes) would spare later runs the calls that should fail.
#include <gtest/gtest.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <random>
#include <vector>

#include "support/held_blocks.hpp"
#include "support/sanitizers.hpp"
#include "support/scheduled_pages.hpp"
#include "support/threads.hpp"
#include "support/workloads.hpp"
#include "talc/api/process_heap.hpp"
#include "talc/os/print_assertion.hpp"

namespace talc {
namespace {

struct Tag;
using Kernel = ScheduledPages<Tag>;
using Heap = BasicProcessHeap<Kernel>;
using Blocks = HeldBlocks<Heap>;
using Which = Schedule::Which;

constexpr size_t kMiB = size_t{1} << 20;
// Where addresses are few, so much of them.
constexpr size_t kGiB = size_t{1} << (kWordBits == 64 ? 30 : 24);

constinit Heap heap;

// ---- the workloads ----

void work(Blocks& blocks) {
  do_all_there_is(blocks, [] { heap.trim(0); });
}

size_t mixed() {
  Blocks blocks(heap);
  work(blocks);
  blocks.drop_all();
  return blocks.is_right() ? blocks.nulls() : ~size_t{0};
}

// So large that heaps have huge pages, and in so many places that the page map needs memory.
size_t large() {
  Blocks blocks(heap);
  for (size_t i = 0; i < 12; ++i) {
    blocks.take(kGiB + i * kMiB);
  }
  for (size_t i = 0; i < 40; ++i) {
    blocks.take(3 * kMiB);
    blocks.take(5000);
  }
  for (size_t i = blocks.count() - 4; i < blocks.count(); ++i) {
    blocks.resize(i, 9 * kMiB);
  }
  blocks.drop_each(2);
  heap.trim(0);
  for (size_t i = 0; i < 10; ++i) {
    blocks.take_zeroed(2 * kMiB);
  }
  blocks.drop_all();
  return blocks.is_right() ? blocks.nulls() : ~size_t{0};
}

// Threads that free what others allocated, and end.
size_t threads() {
  constexpr unsigned kThreads = kUnderSanitizer ? 2 : 4;
  std::vector<Blocks> blocks;
  for (unsigned i = 0; i < kThreads; ++i) {
    blocks.emplace_back(heap, i);
  }
  for (unsigned round = 0; round < 2; ++round) {
    run_threads(kThreads, [&](unsigned i) { work(blocks[i]); });
    run_threads(kThreads, [&](unsigned i) { blocks[(i + 1) % kThreads].drop_each(2); });
  }
  size_t nulls = 0;
  for (Blocks& some : blocks) {
    some.drop_all();
    nulls = some.is_right() && nulls != ~size_t{0} ? nulls + some.nulls() : ~size_t{0};
  }
  return nulls;
}

// Free pages go back at each MiB that is freed, and in passes as a background thread makes them: of slabs,
// of groups, of gaps, of huge blocks that are kept, and then huge pages are refused.
size_t purging() {
  settings.purge_delay_ms = 0;
  Blocks blocks(heap);
  unsigned passes = 0;
  const auto make_pass = [&] {
    PurgePass pass{.takes = PurgePass::Takes::idle, .number = ++passes};
    heap.purge(pass);
  };
  for (size_t round = 0; round < 2; ++round) {
    for (size_t i = 0; i < 600; ++i) {
      blocks.take(i % 3 * 2500 + 400);
    }
    for (size_t i = 1; i < 8; ++i) {
      blocks.take(i * 100000);
      blocks.take((4 + i) * kMiB);
    }
    blocks.drop_each(2);
    make_pass();
    blocks.drop_each(2);
    make_pass();
    make_pass();
  }
  blocks.drop_all();
  make_pass();
  return blocks.is_right() ? blocks.nulls() : ~size_t{0};
}

// ---- what must hold afterwards ----

// Bytes that the kernel gave and nobody knows of any more.
size_t lost_bytes() {
  constexpr size_t kBatch = 4 * sizeof(PageMap<Kernel>::Leaf);
  const size_t leaves = PageMap<Kernel>::mapping_count() * kBatch;
  const size_t lost = Kernel::given_bytes - Footprint<Kernel>::mapped_bytes();
  return lost > leaves ? lost - leaves : 0;  // a leaf may have been mapped alone
}

const char* find_wrong_stats() {
  ProcessStats stats;
  heap.get_stats(stats);
  if (stats.allocations != stats.frees || stats.allocated != 0 || stats.active != 0) {
    return "blocks are live that were freed";
  }
  if (stats.huge_blocks != 0 || stats.huge_bytes != 0) {
    return "huge blocks are live that were freed";
  }
  if (stats.mapped != stats.active + stats.metadata + stats.retained) {
    return "mapped is not active + metadata + retained";
  }
  if (stats.mapped != Footprint<Kernel>::mapped_bytes() + PageMap<Kernel>::leaf_bytes()) {
    return "the footprint is not what is mapped";
  }
  size_t arenas_mapped = 0;
  for (unsigned i = 0; i < stats.arena_count; ++i) {
    const ArenaStats& arena = stats.arenas[i];
    arenas_mapped += arena.mapped;
    if (arena.metadata > arena.mapped || arena.retained > arena.mapped) {
      return "an arena's counters went below zero";
    }
  }
  if (arenas_mapped != Footprint<Kernel>::mapped_bytes()) {
    return "huge blocks are kept though the kernel would take them now";
  }
  return stats.resident <= stats.arena_count * kMiB ? nullptr : "free memory is still resident";
}

// A fork takes every arena's lock, or waits for long.
bool is_a_lock_held() {
  timespec before{};
  timespec after{};
  clock_gettime(CLOCK_MONOTONIC, &before);
  heap.before_fork();
  heap.after_fork_in_parent();
  clock_gettime(CLOCK_MONOTONIC, &after);
  return after.tv_sec - before.tv_sec > 1;
}

const char* find_fault_after(size_t nulls, Schedule schedule) {
  if (nulls == ~size_t{0}) {
    return "a block does not hold what was written to it";
  }
  if (nulls > 1 && schedule.which == Which::only) {
    return "one refusal was answered by several";
  }
  heap.trim(0);
  if (const char* const fault = find_wrong_stats()) {
    return fault;
  }
  if (lost_bytes() != 0 && Kernel::refused_unmaps == 0) {
    return "the kernel gave what nobody has";
  }
  if (is_a_lock_held()) {
    return "a lock stays held";
  }
  return mixed() == 0 ? nullptr : "a block could not be had though the kernel refuses no longer";
}

// What a child tells.
struct Outcome {
  int calls;
  int refusals;
  size_t nulls;
  size_t lost_bytes;
};

class ProcessHeapFaultsTest : public testing::TestWithParam<size_t (*)()> {
 protected:
  ProcessHeapFaultsTest()
      : outcome_(static_cast<Outcome*>(mmap(nullptr, sizeof(Outcome), PROT_READ | PROT_WRITE,
                                            MAP_SHARED | MAP_ANONYMOUS, -1, 0))) {}
  ~ProcessHeapFaultsTest() override { munmap(outcome_, sizeof(Outcome)); }

  // Runs the workload in a process of its own. Returns its wait status.
  int run(Schedule schedule) {
    *outcome_ = {};
    const pid_t child = fork();
    if (child == 0) {
      alarm(300);  // a deadlock; less is not enough where others have the processors
      _exit(run_here(schedule));
    }
    int status = -1;
    waitpid(child, &status, 0);
    return status;
  }

  // Until the workload needs fewer calls. Where threads make many, and never the same ones, numbers
  // are a sample, another one each time; so they are under a sanitizer, which takes its time.
  void fail_in_turn(Which which, int step) {
    const bool is_sample = GetParam() == threads || kUnderSanitizer;
    step = is_sample ? kUnderSanitizer ? 211 : 53 : step;
    const unsigned first = is_sample ? std::random_device()() % static_cast<unsigned>(step) : 0;
    int unreached = 0;
    for (int number = static_cast<int>(first); unreached < 2; number += step) {
      ASSERT_EQ(run({which, number}), 0) << "call " << number;
      unreached = outcome_->refusals == 0 ? unreached + 1 : 0;
    }
  }

  Outcome* const outcome_;

 private:
  int run_here(Schedule schedule) {
    assertion_hook = print_assertion;
    ThreadExit::begin([](void* cache) { heap.end_thread(cache); });
    Kernel::schedule = schedule;
    const size_t nulls = GetParam()();
    Kernel::schedule = Schedule();
    *outcome_ = {Kernel::calls, Kernel::refusals, nulls, 0};
    const char* const fault = find_fault_after(nulls, schedule);
    outcome_->lost_bytes = lost_bytes();
    if (fault != nullptr) {
      fprintf(stderr, "%s\n", fault);
    }
    return fault == nullptr ? 0 : 1;
  }
};

TEST_P(ProcessHeapFaultsTest, WithoutRefusalsThereIsNoNull) {
  EXPECT_EQ(run(Schedule()), 0);
  EXPECT_EQ(outcome_->nulls, 0U);
  EXPECT_EQ(outcome_->lost_bytes, 0U);
  EXPECT_GT(outcome_->calls, 50);
}

TEST_P(ProcessHeapFaultsTest, AnySingleCallMayFail) { fail_in_turn(Which::only, 1); }

TEST_P(ProcessHeapFaultsTest, AllCallsMayFailFromAnyOneOn) { fail_in_turn(Which::from, 3); }

TEST_P(ProcessHeapFaultsTest, EverySoManiethCallMayFail) {
  for (const int number : {1, 2, 3, 4, 5, 7, 11, 31}) {
    if (kUnderSanitizer && number != 3) {
      continue;
    }
    ASSERT_EQ(run({Which::every, number}), 0) << "every " << number;
    EXPECT_GT(outcome_->refusals, 0);
  }
}

constexpr std::array<const char*, 4> kNames = {"Mixed", "Large", "Threads", "Purging"};
INSTANTIATE_TEST_SUITE_P(Workloads, ProcessHeapFaultsTest,
                         testing::Values(mixed, large, threads, purging),
                         [](const auto& workload) { return kNames[workload.index]; });

}  // namespace
}  // namespace talc
