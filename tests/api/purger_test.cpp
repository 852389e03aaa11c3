// Tests of api/purger.hpp over a heap that only counts: when a pass is due before its time.
#include "talc/api/purger.hpp"

#include <gtest/gtest.h>
#include <string.h>

#include <vector>

#include "support/flaky_pages.hpp"
#include "talc/api/process_heap.hpp"
#include "talc/os/pause.hpp"

namespace talc {
namespace {

struct PurgerTag {};
using Kernel = FlakyPages<PurgerTag>;
using Notice = PurgeNotice<Kernel>;

constexpr size_t kMiB = size_t{1} << 20;

// What is free has memory: all of it is dirty.
struct CountedHeap {
  size_t free_bytes = 0;
  size_t live_bytes = 0;
  unsigned passes = 0;
  unsigned limits = 0;  // how often what is not idle was purged, too

  void purge(PurgePass& pass) {
    passes += 1;
    pass.dirty_bytes = free_bytes;
    pass.live_bytes = live_bytes;
  }
  void purge_to(size_t, PurgePass&) { limits += 1; }
  size_t dirty_bytes_at_most() const { return free_bytes; }
};

class PurgerTest : public testing::Test {
 protected:
  // The first pass is due at once, and looks at the ratio; the ones that follow are not due by time.
  PurgerTest() {
    settings.purge_delay_ms.store(100000, std::memory_order_relaxed);
    churn(0);
    first_ = heap_;
  }
  ~PurgerTest() override {
    settings.purge_delay_ms.store(Settings().purge_delay_ms, std::memory_order_relaxed);
  }

  void allocate(size_t bytes) {
    heap_.free_bytes -= bytes;
    heap_.live_bytes += bytes;
  }
  // A MiB at a time, as arenas tell of it, and so slowly that passes may follow one another.
  void release(size_t bytes) {
    for (size_t i = 0; i < bytes / kMiB; ++i) {
      heap_.free_bytes += kMiB;
      heap_.live_bytes -= kMiB;
      tell();
    }
  }
  // What is freed is allocated again.
  void churn(size_t bytes) {
    for (size_t i = 0; i < bytes / kMiB; ++i) {
      tell();
    }
    purger_.obey(heap_, ThePurger::Caller::releases);
  }
  unsigned passes() const { return heap_.passes - first_.passes; }
  // The next pass is made when so much was churned, and no MiB before.
  void expect_next_pass_after(size_t bytes) {
    const unsigned before = passes();
    churn(bytes - kMiB);
    EXPECT_EQ(passes(), before);
    churn(kMiB);
    EXPECT_EQ(passes(), before + 1);
  }

  using ThePurger = Purger<Kernel>;
  ThePurger purger_;
  CountedHeap heap_;
  CountedHeap first_;

 private:
  // 31 MiB take longer than early passes must be apart.
  static constexpr unsigned kPauseMs = 4;

  void tell() {
    for (unsigned i = 0; i < kPauseMs; ++i) {
      pause_1_ms();
    }
    Notice::raise_freed(kMiB);
    purger_.obey(heap_, ThePurger::Caller::releases);
  }
};

TEST_F(PurgerTest, APassIsDueEarlyWhenAsMuchWasFreedAsIsDirty) {
  heap_.free_bytes = 40 * kMiB;
  expect_next_pass_after(40 * kMiB);
  expect_next_pass_after(40 * kMiB);
}

// The first pass has found nothing.
TEST_F(PurgerTest, WhereLittleIsDirtyPassesBecomeRare) {
  expect_next_pass_after(32 * kMiB);
  expect_next_pass_after(64 * kMiB);
}

TEST_F(PurgerTest, LittleIsWhatMayBeDirty) {
  heap_.live_bytes = 128 * kMiB;
  expect_next_pass_after(32 * kMiB);  // which has seen how much is live
  expect_next_pass_after(128 * kMiB);
}

// Else what comes and goes in larger portions would lose its memory in between.
TEST_F(PurgerTest, WhileAllIsFreedOnePassAtMostIs) {
  heap_.live_bytes = 100 * kMiB;
  for (int i = 0; i < 3; ++i) {
    const unsigned before = passes();
    release(100 * kMiB);
    EXPECT_LE(passes() - before, 1U);
    allocate(100 * kMiB);
  }
}

TEST_F(PurgerTest, PassesBeforeTheirTimeLeaveTheRatioAlone) {
  heap_.free_bytes = 40 * kMiB;
  churn(200 * kMiB);
  EXPECT_GE(passes(), 4U);
  EXPECT_EQ(heap_.limits, first_.limits);
}

TEST_F(PurgerTest, NoneIsWhereMemoryIsNeverToGoBack) {
  settings.purge_delay_ms.store(Settings::kNever, std::memory_order_relaxed);
  churn(100 * kMiB);
  EXPECT_EQ(passes(), 0U);
}

// What blocks at the heap's very end were written to lies in the page that has the last gap's size.
struct RestingTag {};
constinit BasicProcessHeap<FlakyPages<RestingTag>> resting_heap;

TEST(PurgePasses, FindNothingOnceAllHasGoneBack) {
  std::vector<void*> blocks(1000);
  for (void*& block : blocks) {
    block = resting_heap.allocate(20000, 16);
    memset(block, 1, 20000);
  }
  for (void* const block : blocks) {
    resting_heap.release(block);
  }
  size_t purged_bytes[5] = {};
  for (unsigned number = 1; number <= 5; ++number) {
    PurgePass pass{.takes = PurgePass::Takes::idle, .number = number};
    resting_heap.purge(pass);
    purged_bytes[number - 1] = pass.purged_bytes;
  }
  EXPECT_GE(purged_bytes[1] + purged_bytes[2], kMiB);
  EXPECT_EQ(purged_bytes[3], 0U);
  EXPECT_EQ(purged_bytes[4], 0U);
  // And what was made zero by hand is.
  std::vector<char*> zeroed(300);
  for (char*& block : zeroed) {
    block = static_cast<char*>(resting_heap.allocate_zeroed(20000, 16));
    for (size_t i = 0; i < 20000; ++i) {
      ASSERT_EQ(block[i], 0);
    }
  }
  for (char* const block : zeroed) {
    resting_heap.release(block);
  }
}

struct ScatteredTag {};
constinit BasicProcessHeap<FlakyPages<ScatteredTag>> scattered_heap;

size_t dirty_bytes() {
  PurgePass pass;
  scattered_heap.purge(pass);
  return pass.dirty_bytes;
}

// In more pieces than a part of a pass takes.
TEST(PurgeTo, TakesWhatIsScattered) {
  std::vector<void*> blocks(1000);
  for (void*& block : blocks) {
    block = scattered_heap.allocate(68000, 16);
  }
  for (size_t i = 0; i < blocks.size(); i += 2) {
    scattered_heap.release(blocks[i]);
  }
  PurgePass pass{.takes = PurgePass::Takes::idle, .number = 1};
  scattered_heap.purge(pass);
  ASSERT_GE(pass.dirty_bytes, 25 * kMiB);
  EXPECT_EQ(pass.purged_bytes, 0U);
  scattered_heap.purge_to(20 * kMiB, pass);
  EXPECT_LE(dirty_bytes(), 20 * kMiB);
  EXPECT_GE(dirty_bytes(), 10 * kMiB);
  for (size_t i = 1; i < blocks.size(); i += 2) {
    scattered_heap.release(blocks[i]);
  }
}

}  // namespace
}  // namespace talc
