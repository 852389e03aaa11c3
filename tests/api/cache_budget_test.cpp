// Tests of api/cache_budget.hpp: by quarters, what is granted to all makes what one may have smaller; and of
// what is bounded by it, hot blocks and outboxes as ThreadCaches has them. (Magazines, and all of them
// together: magazine_supply_test.cpp.)
#include "talc/api/cache_budget.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <string>
#include <type_traits>

#include "support/flaky_pages.hpp"
#include "talc/api/thread_caches.hpp"

namespace talc {
namespace {

constexpr size_t kKiB = size_t{1} << 10;
constexpr size_t kMiB = size_t{1} << 20;

// Which there are.
struct OfMagazines {
  static constexpr size_t kBytes = 44 * kMiB;
  static constexpr size_t kShare = 32;
};
struct OfHotBlocks {
  static constexpr size_t kBytes = 10 * kMiB;
  static constexpr size_t kShare = 128;
};
struct OfOutboxes {
  static constexpr size_t kBytes = 4 * kMiB;
  static constexpr size_t kShare = 256;
};
static_assert(MagazineSupply<Pages>::kLeastBudget == OfMagazines::kBytes);
static_assert(MagazineSupply<Pages>::kBudgetShare == OfMagazines::kShare);

// Counts as mapped for as long as it lives; nothing is.
template <class Kernel>
class Mapped {
 public:
  explicit Mapped(size_t bytes) : bytes_(bytes) {
    EXPECT_TRUE(Footprint<Kernel>::try_grow(bytes_));
  }
  ~Mapped() { Footprint<Kernel>::shrink(bytes_); }
  Mapped(const Mapped&) = delete;
  Mapped& operator=(const Mapped&) = delete;

 private:
  size_t bytes_;
};

template <class Kind>
class CacheBudgetTest : public testing::Test {
 protected:
  using Kernel = FlakyPages<Kind>;
  static constexpr size_t kBytes = Kind::kBytes;
  static constexpr size_t kMost = kMiB;  // what one could have alone

  void expect_quarters_of(size_t bytes) {
    for (unsigned quarter = 0; quarter < 4; ++quarter) {
      EXPECT_EQ(budget_.part_of(kMost), kMost >> quarter);
      budget_.grant(bytes / 4 - 1);
      EXPECT_EQ(budget_.part_of(kMost), kMost >> quarter);
      budget_.grant(1);
    }
    EXPECT_EQ(budget_.part_of(kMost), 0U);
    budget_.grant(bytes);
    EXPECT_EQ(budget_.part_of(kMost), 0U);
    budget_.give_back(2 * bytes);
  }
  // Caches want more as long as they get it, and there are ever more of them.
  size_t granted_to_all() {
    size_t sum = 0;
    size_t held = 0;
    do {
      held = 0;
      for (size_t least = 1; least <= 2 * kMost; least = 2 * held + 1) {
        const size_t more = budget_.raise(held, least, 2 * least, kMost);
        if (more == held) {
          break;
        }
        held = more;
      }
      sum += held;
    } while (held != 0);
    return sum;
  }

  CacheBudget<Kernel, Kind::kBytes, Kind::kShare> budget_;
};

struct KindNames {
  template <class Kind>
  static std::string GetName(int) {
    return std::is_same_v<Kind, OfMagazines>   ? "OfMagazines"
           : std::is_same_v<Kind, OfHotBlocks> ? "OfHotBlocks"
                                               : "OfOutboxes";
  }
};
using Kinds = testing::Types<OfMagazines, OfHotBlocks, OfOutboxes>;
TYPED_TEST_SUITE(CacheBudgetTest, Kinds, KindNames);

TYPED_TEST(CacheBudgetTest, EachQuarterThatIsGrantedHalvesWhatOneMayHave) {
  this->expect_quarters_of(TestFixture::kBytes);
}

TYPED_TEST(CacheBudgetTest, ItIsAShareOfWhatIsMappedWhereThatIsMore) {
  constexpr size_t kAsMuch = TestFixture::kBytes * TypeParam::kShare;
  const Mapped<typename TestFixture::Kernel> some(kAsMuch / 2);
  this->expect_quarters_of(TestFixture::kBytes);
  const Mapped<typename TestFixture::Kernel> more(kAsMuch);
  this->expect_quarters_of(TestFixture::kBytes * 3 / 2);
}

TYPED_TEST(CacheBudgetTest, ACacheGetsWhatItWantsAndNoMoreThanItsPart) {
  auto& budget = this->budget_;
  EXPECT_EQ(budget.raise(0, 1, 1000, kMiB), 1000U);
  EXPECT_EQ(budget.raise(1000, 1001, 2 * kMiB, kMiB), kMiB);
  EXPECT_EQ(budget.raise(kMiB, kMiB + 1, 2 * kMiB, kMiB), kMiB);
  // What was granted is what they hold, and no byte more: so it may be given back.
  budget.give_back(kMiB);
  budget.grant(TestFixture::kBytes / 4 - 1);
  EXPECT_EQ(budget.part_of(kMiB), kMiB);
  budget.grant(1);
  EXPECT_EQ(budget.part_of(kMiB), kMiB / 2);
  EXPECT_EQ(budget.raise(1000, kMiB / 2 + 1, kMiB, kMiB), 1000U);
  EXPECT_EQ(budget.raise(1000, kMiB / 2, kMiB, kMiB), kMiB / 2);
}

TYPED_TEST(CacheBudgetTest, HoweverManyTheyAreTheyStayWithinIt) {
  const size_t granted = this->granted_to_all();
  EXPECT_GE(granted, TestFixture::kBytes);
  EXPECT_LT(granted, TestFixture::kBytes + TestFixture::kMost / 8);
}

TYPED_TEST(CacheBudgetTest, WhatIsGivenBackIsForOthers) {
  const size_t granted = this->granted_to_all();
  EXPECT_EQ(this->granted_to_all(), 0U);
  this->budget_.give_back(granted);
  EXPECT_EQ(this->granted_to_all(), granted);
  this->budget_.restart();
  EXPECT_EQ(this->granted_to_all(), granted);
}

// ---- what it bounds ----

// Threads that keep as many middle blocks as they may.
template <class Kernel>
size_t hot_limits(ThreadCaches<Kernel>& caches) {
  size_t sum = 0;
  size_t limit = 0;
  do {
    HotBlocks hot;
    do {
      while (hot.put(&hot, 64 * kKiB)) {
      }
    } while (caches.grow_hot(hot, 64 * kKiB));
    limit = hot.limit();
    sum += limit;
  } while (limit != 0);
  return sum;
}

TEST(CacheBudget, HotBlocksOfAllThreadsAreWithinIt) {
  struct Tag {};
  using Kernel = FlakyPages<Tag>;
  static ThreadCaches<Kernel> caches;
  const size_t sum = hot_limits(caches);
  EXPECT_GE(sum, OfHotBlocks::kBytes);
  EXPECT_LT(sum, OfHotBlocks::kBytes + HotBlocks::kMaxBytes / 8);
  const Mapped<Kernel> mapped(2 * OfHotBlocks::kBytes * OfHotBlocks::kShare);
  const size_t more = sum + hot_limits(caches);
  EXPECT_GE(more, 2 * OfHotBlocks::kBytes);
  EXPECT_LT(more, 2 * OfHotBlocks::kBytes + HotBlocks::kMaxBytes / 8);
}

// A thread that posts blocks until its outbox grows no more; then they have gone home. Returns what it was
// granted.
template <class Kernel>
size_t post_all_it_may(ThreadCaches<Kernel>& caches, ThreadCache& cache) {
  Outbox& outbox = cache.outbox();
  do {
    void* const block = caches.arenas().visit()->take_slot(0);
    // As if it filled the outbox.
    caches.post(cache, block, std::min(outbox.limit(), Outbox::kMaxSize));
  } while (outbox.count() != 0);
  return outbox.limit() - Outbox::kLeastBytes;
}

TEST(CacheBudget, OutboxesOfAllThreadsAreWithinIt) {
  struct Tag {};
  using Kernel = FlakyPages<Tag>;
  static ThreadCaches<Kernel> caches;
  static std::deque<ThreadCache> threads;
  size_t sum = 0;
  size_t granted = 0;
  do {
    granted = post_all_it_may(caches, threads.emplace_back(0, PageMap<Kernel>::near_base()));
    sum += granted;
  } while (granted != 0);
  EXPECT_GE(sum, OfOutboxes::kBytes);
  EXPECT_LT(sum, OfOutboxes::kBytes + Outbox::kMaxBytes / 8);
  EXPECT_EQ(caches.arenas()[0].bank().slots_out(0), 0U);
}

}  // namespace
}  // namespace talc
