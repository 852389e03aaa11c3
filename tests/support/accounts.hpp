// Whether the statistics of a process heap account for every byte: against one another, and against a
// walk over its heaps, which believes no counter. For moments in which nobody is at work.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <barrier>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "support/sanitizers.hpp"
#include "talc/api/process_heap.hpp"

namespace talc {

struct Accounts {
  std::unique_ptr<ProcessStats> stats = std::make_unique<ProcessStats>();
  std::unique_ptr<HeapDetail> detail = std::make_unique<HeapDetail>();

  size_t walked(HeapMap::Use use) const {
    size_t bytes = 0;
    for (unsigned i = 0; i < detail->heap_count; ++i) {
      bytes += detail->heaps[i].bytes_of[static_cast<unsigned>(use)];
    }
    return bytes;
  }
  size_t class_bytes(size_t ClassStats::*slots) const {
    size_t bytes = 0;
    for (unsigned i = 0; i < SizeClasses::kCount; ++i) {
      bytes += detail->classes[i].*slots * SizeClasses::size_of(i);
    }
    return bytes;
  }
};

template <class Heap>
Accounts take_accounts(Heap& heap) {
  Accounts accounts;
  heap.get_stats(*accounts.stats, Heap::Resident::ask, accounts.detail.get());
  return accounts;
}

// `kept` is of huge blocks.
inline void expect_sums(const MemoryStats& stats, size_t kept) {
  EXPECT_EQ(stats.mapped, stats.active + stats.metadata + stats.retained);
  EXPECT_EQ(stats.retained, stats.cached + stats.in_transit + stats.slab_free + stats.group_free +
                                stats.gaps + kept);
  EXPECT_EQ(stats.retained, stats.dirty + stats.purged);
  EXPECT_LE(stats.dirty, stats.retained);
  EXPECT_LE(stats.allocated, stats.active);
  EXPECT_LE(stats.hot_bytes, stats.cached);
}

// Requires: none but the caller's thread is at work.
template <class Kernel>
void expect_accounts(const Accounts& accounts) {
  const ProcessStats& stats = *accounts.stats;
  const HeapDetail& detail = *accounts.detail;
  expect_sums(stats, stats.kept);
  EXPECT_EQ(stats.mapped, Footprint<Kernel>::mapped_bytes() + PageMap<Kernel>::leaf_bytes());

  MemoryStats arenas;
  for (unsigned i = 0; i < stats.arena_count; ++i) {
    expect_sums(stats.arenas[i], 0);
    EXPECT_LE(stats.arenas[i].resident, stats.arenas[i].mapped);
    arenas.add(stats.arenas[i]);
  }
  EXPECT_EQ(stats.mapped,
            arenas.mapped + stats.huge_bytes + stats.kept + PageMap<Kernel>::leaf_bytes());

  ASSERT_EQ(detail.heaps_left_out, 0U);
  using Use = HeapMap::Use;
  const size_t live = accounts.class_bytes(&ClassStats::live);
  const size_t cached = accounts.class_bytes(&ClassStats::cached);
  const size_t posted = accounts.class_bytes(&ClassStats::in_transit);
  EXPECT_EQ(accounts.class_bytes(&ClassStats::free), arenas.slab_free);
  EXPECT_EQ(accounts.walked(Use::full_slab) + accounts.walked(Use::partial_slab),
            accounts.class_bytes(&ClassStats::slots));
  EXPECT_EQ(accounts.walked(Use::dirty) + accounts.walked(Use::purged),
            arenas.gaps + arenas.group_free);
  // Live middle blocks, hot ones, posted ones: what is neither in slabs nor free.
  EXPECT_EQ(accounts.walked(Use::block),
            arenas.active - live + arenas.cached - cached + arenas.in_transit - posted);
  EXPECT_EQ(accounts.walked(Use::metadata), arenas.metadata);

  size_t slab_bytes = 0;
  size_t allocations = arenas.middle_allocations;
  size_t frees = arenas.middle_frees;
  for (unsigned i = 0; i < SizeClasses::kCount; ++i) {
    const ClassStats& of_class = detail.classes[i];
    EXPECT_EQ(of_class.live + of_class.cached + of_class.in_transit + of_class.free, of_class.slots)
        << SizeClasses::size_of(i);
    EXPECT_EQ(of_class.allocations - of_class.frees, of_class.live) << SizeClasses::size_of(i);
    allocations += of_class.allocations;
    frees += of_class.frees;
    slab_bytes += of_class.slabs * Slab::granules_of(i) * kGranuleSize;
  }
  EXPECT_EQ(slab_bytes, arenas.slabs);
  EXPECT_EQ(allocations, arenas.allocations);
  EXPECT_EQ(frees, arenas.frees);
  EXPECT_EQ(arenas.middle_allocations - arenas.middle_frees, arenas.middle_blocks);
  size_t in_threads = 0;
  size_t in_outboxes = 0;
  for (unsigned i = 0; i < detail.thread_count; ++i) {
    in_threads += detail.threads[i].cached;
    in_outboxes += detail.threads[i].in_transit;
    EXPECT_LE(detail.threads[i].hot, detail.threads[i].cached);
  }
  EXPECT_EQ(detail.threads_left_out, 0U);
  EXPECT_EQ(in_threads, arenas.cached);
  EXPECT_EQ(in_outboxes, arenas.in_transit);
}

// Threads that allocate and free blocks of all sizes, one another's too, and then stop with some in
// hand, so that caches, outboxes, slabs, gaps and kept huge blocks all hold something. Then calls
// at_rest(usable bytes of the blocks in hand), and frees them.
template <class Heap, class AtRest>
void live_through_a_mixed_workload(Heap& heap, AtRest at_rest) {
  constexpr unsigned kThreads = 4;
  constexpr int kSteps = kUnderSanitizer ? 1500 : 20000;
  std::atomic<void*> mailboxes[64] = {};
  std::atomic<size_t> in_hand = 0;
  std::barrier all_at_rest(kThreads + 1);
  std::barrier may_go_on(kThreads + 1);
  const auto work = [&](unsigned number) {
    std::mt19937 random(number + 1);
    std::vector<void*> blocks;
    const auto random_size = [&] {
      const size_t kind = random() % 1000;
      const size_t limit = kind < 800 ? 1000 : kind < 950 ? 30'000 : kind < 998 ? 400'000 : 9 << 20;
      return random() % limit;
    };
    for (int step = 0; step < kSteps; ++step) {
      if (blocks.size() < 300 || random() % 2 == 0) {
        blocks.push_back(heap.allocate(random_size(), random() % 20 == 0 ? 256 : 16));
        ASSERT_NE(blocks.back(), nullptr);
      }
      const size_t index = random() % blocks.size();
      if (step % 3 == 0) {
        void* const block = mailboxes[random() % 64].exchange(blocks[index]);
        blocks[index] = blocks.back();
        blocks.pop_back();
        if (block != nullptr) {
          heap.release(block);
        }
      } else if (step % 7 == 0) {
        blocks[index] = heap.reallocate(blocks[index], random_size() + 1);
      } else if (blocks.size() > 300) {
        heap.release(blocks[index]);
        blocks[index] = blocks.back();
        blocks.pop_back();
      }
    }
    for (void* const block : blocks) {
      in_hand += heap.usable_size(block);
    }
    all_at_rest.arrive_and_wait();
    may_go_on.arrive_and_wait();
    for (void* const block : blocks) {
      heap.release(block);
    }
  };
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < kThreads; ++i) {
    threads.emplace_back(work, i);
  }
  all_at_rest.arrive_and_wait();
  for (std::atomic<void*>& mailbox : mailboxes) {
    if (void* const block = mailbox.exchange(nullptr)) {
      heap.release(block);
    }
  }
  at_rest(in_hand.load());
  may_go_on.arrive_and_wait();
  for (std::thread& thread : threads) {
    thread.join();
  }
}

}  // namespace talc
