// Tests of front/slab_bank.hpp: slabs begin and end as slots come and go, and every chunk goes back.
#include "talc/front/slab_bank.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <string.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <vector>

#include "support/flaky_pages.hpp"

namespace talc {
namespace {

struct Tag;
using Kernel = FlakyPages<Tag>;
using Map = PageMap<Kernel>;
using Bank = SlabBank<Kernel>;

// Chunks from the C library, counted; as many as are left.
class Source {
 public:
  ~Source() { EXPECT_TRUE(chunks_.empty()); }
  static unsigned index() { return 3; }
  void* take_granules(size_t size_bytes, Growth growth, bool& is_fresh) {
    is_fresh = are_fresh;
    if (growth == Growth::spare && size_bytes > max_gap) {
      return nullptr;
    }
    granules_taken = (size_bytes + kTagSize) / kGranuleSize;
    return take_chunk(size_bytes, kGranuleSize);
  }
  void* take_chunk(size_t size_bytes, size_t align) {
    if (left == 0) {
      return nullptr;
    }
    left -= 1;
    void* const chunk = aligned_alloc(align, align_up(size_bytes, align));
    EXPECT_TRUE(Map::reserve(Span::from_base_size(static_cast<char*>(chunk), size_bytes)));
    chunks_[chunk] = size_bytes;
    return chunk;
  }
  void return_granules(void* granules, size_t size_bytes) { return_chunk(granules, size_bytes); }
  void return_chunk(void* chunk, size_t size_bytes) {
    EXPECT_EQ(chunks_.at(chunk), size_bytes);
    chunks_.erase(chunk);
    free(chunk);
  }
  size_t count() const { return chunks_.size(); }

  size_t left = ~size_t{0};
  size_t max_gap = ~size_t{0};
  bool are_fresh = false;
  size_t granules_taken = 0;  // last

 private:
  std::map<void*, size_t> chunks_;
};

class SlabBankTest : public testing::Test {
 protected:
  void* take(unsigned size_class) {
    void* block = nullptr;
    return bank_.take(source_, size_class, 1, &block + 1).count == 1 ? block : nullptr;
  }
  void put(void* block) { ASSERT_EQ(why(block), Slab::Put::ok); }
  Slab::Put why(void* block) { return bank_.put(source_, &block, &block + 1).why; }

  Source source_;
  Bank bank_;
};

TEST_F(SlabBankTest, ThePageMapKnowsSlotsAndForgetsThem) {
  void* const block = take(7);
  EXPECT_EQ(Map::get(block), PageEntry::small(3, 7));
  EXPECT_TRUE(Bank::is_slot(block, 7));
  EXPECT_FALSE(Bank::is_slot(static_cast<char*>(block) + 16, 7));
  EXPECT_EQ(bank_.slots_out(7), 1U);
  put(block);
  EXPECT_EQ(bank_.slots_out(7), 0U);
  EXPECT_EQ(Map::get(block), PageEntry::small(3, 7));  // one empty slab is kept
  EXPECT_TRUE(bank_.trim(source_));
  EXPECT_EQ(Map::get(block).kind(), PageEntry::Kind::heap);
  EXPECT_EQ(Map::get_slab(block), nullptr);
  EXPECT_EQ(source_.count(), 0U);
  EXPECT_FALSE(bank_.trim(source_));
}

TEST_F(SlabBankTest, ASlotOfASlabThatHasEndedIsFreeAlready) {
  void* const kept = take(20);
  void* const block = take(0);
  put(block);
  bank_.trim(source_);
  EXPECT_EQ(Map::get(block).kind(), PageEntry::Kind::returned);
  EXPECT_EQ(why(block), Slab::Put::free_already);
  put(kept);
  bank_.trim(source_);
}

TEST_F(SlabBankTest, OutOfMemoryIsZeroSlotsAndNothingIsLost) {
  for (size_t chunks = 0; chunks < 4; ++chunks) {
    source_.left = chunks;
    void* const block = take(12);
    EXPECT_EQ(block != nullptr, chunks == 3);
    if (block != nullptr) {
      put(block);
      bank_.trim(source_);
    }
    EXPECT_EQ(source_.count(), 0U);
  }
}

TEST_F(SlabBankTest, WithLittleMemoryASmallerGroupServes) {
  std::vector<void*> blocks;
  for (int i = 0; i < 2000; ++i) {
    blocks.push_back(take(30));
    ASSERT_NE(blocks.back(), nullptr);
  }
  EXPECT_GE(bank_.group_bytes(), bank_.slab_bytes());
  EXPECT_LE(bank_.group_bytes(), bank_.slab_bytes() * 3 / 2);
  for (void* const block : blocks) {
    put(block);
  }
  bank_.trim(source_);
  EXPECT_EQ(bank_.group_bytes(), 0U);
}

TEST_F(SlabBankTest, GroupsFillGapsThoughTheyBeSmallBeforeTheHeapGrows) {
  std::vector<void*> blocks;
  const auto take_until_group = [&](size_t groups_bytes) {
    while (bank_.group_bytes() < groups_bytes) {
      blocks.push_back(take(SizeClasses::class_of(4096)));
    }
  };
  take_until_group(size_t{16} << 20);
  EXPECT_GE(source_.granules_taken, 8U);  // a share of what there is
  source_.max_gap = 5 * kGranuleSize;
  take_until_group(bank_.group_bytes() + 1);
  EXPECT_GE(source_.granules_taken, 2U);
  EXPECT_LE(source_.granules_taken, 5U);
  source_.max_gap = 0;
  take_until_group(bank_.group_bytes() + 1);
  EXPECT_GE(source_.granules_taken, 8U);
  for (void* const block : blocks) {
    put(block);
  }
  bank_.trim(source_);
}

TEST_F(SlabBankTest, WhereMuchIsOutSizesAreToldApart) {
  const unsigned coarse = SizeClasses::class_of(320);
  std::vector<void*> blocks;
  for (size_t bytes = 0; bytes < Bank::kSharpenBytes; bytes += 320) {
    EXPECT_EQ(ClassMap<Kernel>::class_of(272), coarse);
    blocks.push_back(take(coarse));
  }
  for (unsigned i = 0; i < Slab::slots_of(coarse); ++i) {  // until a slab begins
    blocks.push_back(take(coarse));
  }
  EXPECT_EQ(SizeClasses::size_of(ClassMap<Kernel>::class_of(272)), 272U);
  EXPECT_EQ(SizeClasses::size_of(ClassMap<Kernel>::class_of(257)), 272U);
  for (void* const block : blocks) {
    put(block);
  }
  bank_.trim(source_);
}

TEST_F(SlabBankTest, WhatACoarseClassLeavesIsTakenForTheClassesBelow) {
  const unsigned coarse = SizeClasses::class_of(320);
  const unsigned fine = SizeClasses::class_of(304);
  void* const first = take(coarse);
  void* const lent = take(fine);
  EXPECT_EQ(Map::get(lent), PageEntry::small(3, coarse));
  EXPECT_EQ(bank_.slots_out(fine), 0U);
  EXPECT_EQ(bank_.slots_out(coarse), 2U);
  std::vector<void*> rest;
  while (rest.size() + 2 < Slab::slots_of(coarse)) {
    rest.push_back(take(fine));
  }
  EXPECT_EQ(bank_.slots_out(coarse), Slab::slots_of(coarse));
  // There is none left: now it gets a slab of its own, which serves before the coarse one does.
  void* const own = take(fine);
  EXPECT_EQ(Map::get(own), PageEntry::small(3, fine));
  EXPECT_EQ(bank_.slots_out(fine), 1U);
  put(first);
  void* const second = take(fine);
  EXPECT_EQ(Map::get(second), PageEntry::small(3, fine));
  for (void* const block : {lent, own, second}) {
    put(block);
  }
  for (void* const block : rest) {
    put(block);
  }
  EXPECT_EQ(bank_.slots_out(fine) + bank_.slots_out(coarse), 0U);
  bank_.trim(source_);
}

// So that a block that comes and goes does not begin and end a slab, and no class keeps more than that.
TEST_F(SlabBankTest, OfEachClassOneEmptySlabStaysAtMost) {
  std::vector<void*> blocks;
  for (unsigned i = 0; i < SizeClasses::kCount; ++i) {
    while (bank_.slabs(i) < 4) {
      blocks.push_back(bank_.slabs(SizeClasses::coarse_of(i)) < 4 ? take(SizeClasses::coarse_of(i))
                                                                  : take(i));
    }
  }
  std::shuffle(blocks.begin(), blocks.end(), std::mt19937(1));
  for (void* const block : blocks) {
    put(block);
  }
  for (unsigned i = 0; i < SizeClasses::kCount; ++i) {
    EXPECT_EQ(bank_.slots_out(i), 0U);
    EXPECT_EQ(bank_.slabs(i), 1U) << SizeClasses::size_of(i);
  }
  bank_.trim(source_);
  EXPECT_EQ(bank_.slab_bytes(), 0U);
}

TEST_F(SlabBankTest, BesideASlabWithFreeSlotsNoEmptyOneStays) {
  const unsigned size_class = SizeClasses::class_of(1024);
  std::vector<void*> blocks;
  while (bank_.slabs(size_class) < 4) {
    blocks.push_back(take(size_class));
  }
  void* const kept = blocks[blocks.size() / 2];  // in a slab between others
  for (void* const block : blocks) {
    if (block != kept) {
      put(block);
    }
  }
  EXPECT_EQ(bank_.slabs(size_class), 1U);
  EXPECT_EQ(Map::get(kept), PageEntry::small(3, size_class));
  put(kept);
  bank_.trim(source_);
}

TEST_F(SlabBankTest, EmptyGroupsStayUpToALimit) {
  constexpr size_t kLargestGroup = size_t{4} << 20;
  std::vector<void*> blocks;
  while (bank_.group_bytes() < Bank::kMaxEmptyBytes + 4 * kLargestGroup) {
    blocks.push_back(take(SizeClasses::class_of(8192)));
  }
  // Half of what may stay: all of it does.
  const size_t full_bytes = bank_.group_bytes();
  const auto put_until_slabs_are = [&](size_t slab_bytes) {
    while (bank_.slab_bytes() > slab_bytes) {
      put(blocks.back());
      blocks.pop_back();
    }
  };
  put_until_slabs_are(full_bytes - Bank::kMaxEmptyBytes / 2);
  EXPECT_EQ(bank_.group_bytes(), full_bytes);
  EXPECT_TRUE(bank_.has_empty_groups());
  // All: the limit does, and the group of the slab that stays.
  while (!blocks.empty()) {
    put(blocks.back());
    blocks.pop_back();
  }
  EXPECT_GT(bank_.group_bytes(), Bank::kMaxEmptyBytes - kLargestGroup);
  EXPECT_LE(bank_.group_bytes(), Bank::kMaxEmptyBytes + kLargestGroup);
  bank_.trim(source_);
  EXPECT_EQ(bank_.group_bytes(), 0U);
}

TEST_F(SlabBankTest, WhatAMagazineGivesBackUnusedWasNotLent) {
  const unsigned coarse = SizeClasses::class_of(320);
  const unsigned fine = SizeClasses::class_of(304);
  void* const first = take(coarse);
  void* slots[3];
  ASSERT_EQ(bank_.take(source_, fine, 3, slots + 3).count, 3U);
  EXPECT_EQ(bank_.lent(fine), 3U);
  EXPECT_EQ(bank_.put(source_, slots, slots + 1, fine).why, Slab::Put::ok);
  EXPECT_EQ(bank_.lent(fine), 2U);
  // These were handed out: they come back as slots of their own class, or on their own.
  EXPECT_EQ(bank_.put(source_, slots + 1, slots + 2, coarse).why, Slab::Put::ok);
  put(slots[2]);
  EXPECT_EQ(bank_.lent(fine), 2U);
  EXPECT_EQ(bank_.lent(coarse), 0U);
  put(first);
  bank_.trim(source_);
}

TEST_F(SlabBankTest, TellsOfTheSlotsThatNobodyHasTouched) {
  source_.are_fresh = true;
  void* blocks[100];
  const unsigned size_class = SizeClasses::class_of(1024);
  const Slab::Taken first = bank_.take(source_, size_class, 20, blocks + 20);
  EXPECT_EQ(first.count, 20U);
  EXPECT_EQ(first.fresh.base, blocks[19]);
  EXPECT_EQ(first.fresh.size(), 20U * 1024);
  EXPECT_EQ(bank_.put(source_, blocks, blocks + 20).why, Slab::Put::ok);
  EXPECT_TRUE(bank_.take(source_, size_class, 20, blocks + 20).fresh.is_empty());
  EXPECT_EQ(bank_.put(source_, blocks, blocks + 20).why, Slab::Put::ok);
  // The granule of a slab that has ended is used again.
  EXPECT_EQ(bank_.take(source_, 0, 1, blocks + 1).count, 1U);
  EXPECT_TRUE(bank_.trim(source_));
  EXPECT_TRUE(bank_.take(source_, size_class, 20, blocks + 21).fresh.is_empty());
  EXPECT_EQ(bank_.put(source_, blocks, blocks + 21).why, Slab::Put::ok);
  bank_.trim(source_);
}

TEST_F(SlabBankTest, AgreesWithAModel) {
  std::mt19937 random(7);
  std::vector<std::pair<void*, unsigned>> live;
  std::set<void*> known;
  for (int i = 0; i < 60000; ++i) {
    // Waves, so that slabs and groups end as well.
    const bool is_growing = (i / 6000) % 2 == 0;
    if (random() % 100 < (is_growing ? 60U : 40U) || live.empty()) {
      const unsigned size_class = static_cast<unsigned>(random() % SizeClasses::kCount);
      void* blocks[9];
      const auto wanted = static_cast<unsigned>(random() % 9 + 1);
      const unsigned taken = bank_.take(source_, size_class, wanted, blocks + 9).count;
      ASSERT_GE(taken, 1U);
      for (unsigned k = 9 - taken; k < 9; ++k) {
        ASSERT_TRUE(known.insert(blocks[k]).second);
        const unsigned served_by = Map::get(blocks[k]).size_class();
        ASSERT_TRUE(served_by == size_class || served_by == SizeClasses::coarse_of(size_class));
        live.emplace_back(blocks[k], served_by);
      }
    } else {
      for (int k = 0; k < 8 && !live.empty(); ++k) {
        std::swap(live[random() % live.size()], live.back());
        put(live.back().first);
        known.erase(live.back().first);
        live.pop_back();
      }
    }
  }
  std::vector<size_t> out(SizeClasses::kCount);
  for (const auto& [block, size_class] : live) {
    out[size_class] += 1;
    EXPECT_EQ(Map::get(block), PageEntry::small(3, size_class));
  }
  for (unsigned i = 0; i < SizeClasses::kCount; ++i) {
    EXPECT_EQ(bank_.slots_out(i), out[i]);
  }
  for (const auto& [block, size_class] : live) {
    put(block);
  }
  bank_.trim(source_);
  EXPECT_EQ(bank_.slab_bytes(), 0U);
  EXPECT_EQ(bank_.group_bytes(), 0U);
}

// ---- purging ----

constexpr unsigned kClass = SizeClasses::class_of(16);

TEST_F(SlabBankTest, AnEmptySlabEndsWithTheSecondPassAndItsGroupWithIt) {
  put(take(kClass));
  EXPECT_EQ(source_.count(), 3U);  // a slab, its group, and its granules
  PurgePass first{.takes = PurgePass::Takes::idle, .number = 1};
  bank_.begin_purge();
  bank_.purge(source_, first);
  EXPECT_EQ(source_.count(), 3U);
  EXPECT_EQ(first.purged_bytes, 0U);
  PurgePass second{.takes = PurgePass::Takes::idle, .number = 2};
  bank_.begin_purge();
  bank_.purge(source_, second);
  EXPECT_EQ(source_.count(), 0U);
  EXPECT_NE(second.purged_bytes, 0U);
  EXPECT_EQ(second.dirty_bytes, 0U);
}

TEST_F(SlabBankTest, PagesOfASlabInUseGoBackAndItsBlocksStay) {
  std::vector<char*> blocks;
  for (int i = 0; i < 3000; ++i) {
    blocks.push_back(static_cast<char*>(take(kClass)));
    memset(blocks.back(), i, 16);
  }
  for (int i = 0; i < 3000; ++i) {
    if (i % 1000 != 0) {
      put(blocks[static_cast<size_t>(i)]);
    }
  }
  PurgePass pass{.takes = PurgePass::Takes::all, .number = 1};
  bank_.begin_purge();
  bank_.purge(source_, pass);
  EXPECT_GE(pass.purged_bytes, 7 * Kernel::page_size());
  for (int i = 0; i < 3000; i += 1000) {
    EXPECT_EQ(blocks[static_cast<size_t>(i)][15], static_cast<char>(i));
    put(blocks[static_cast<size_t>(i)]);
  }
  bank_.trim(source_);
}

// Each slab and group is looked at once, though blocks come and go between the parts.
TEST_F(SlabBankTest, APassInPartsComesToAnEnd) {
  std::vector<void*> blocks;
  for (int i = 0; i < 40000; ++i) {
    blocks.push_back(take(kClass));
  }
  for (size_t i = 0; i < blocks.size(); ++i) {
    if (i % 600 != 0) {
      put(blocks[i]);  // runs of two pages, apart
    }
  }
  const size_t slabs = bank_.slabs(kClass);
  size_t purged_bytes = 0;
  for (unsigned number = 1; number <= 2; ++number) {
    PurgePass pass{.takes = PurgePass::Takes::idle, .number = number};
    size_t steps = 0;
    unsigned parts = 0;
    bank_.begin_purge();
    do {
      ASSERT_LT(++parts, 100U);
      pass.begin_part();
      pass.calls_left = 3;
      pass.steps_left = 2;
      bank_.purge(source_, pass);
      steps += 2 - pass.steps_left;
      put(blocks[600]);  // fills a slab, and is the first of its class again
      blocks[600] = take(kClass);
    } while (!pass.may_go_on());
    EXPECT_LE(steps, slabs + 10);
    purged_bytes += pass.purged_bytes;
  }
  EXPECT_GE(purged_bytes, 40U * Kernel::page_size());
  for (size_t i = 0; i < blocks.size(); i += 600) {
    put(blocks[i]);
  }
  bank_.trim(source_);
}

// The slab that comes next is full, or gone, when the next part begins.
TEST_F(SlabBankTest, APassInPartsOutlivesTheSlabThatComesNext) {
  std::vector<void*> blocks;
  while (bank_.slabs(kClass) < 6) {
    blocks.push_back(take(kClass));
  }
  const size_t half = blocks.size() / 2;
  for (size_t i = 0; i < blocks.size(); i += 2) {
    put(blocks[i]);
  }
  PurgePass pass{.takes = PurgePass::Takes::all, .number = 1};
  bank_.begin_purge();
  pass.begin_part();
  pass.steps_left = 1;
  bank_.purge(source_, pass);
  for (size_t i = 1; i < blocks.size(); i += 2) {
    if (i < half || i > half + 2000) {
      put(blocks[i]);
    }
  }
  bank_.trim(source_);
  pass.begin_part();
  bank_.purge(source_, pass);
  EXPECT_TRUE(pass.may_go_on());
  for (size_t i = half | 1; i <= half + 2000; i += 2) {
    put(blocks[i]);
  }
  bank_.trim(source_);
  EXPECT_EQ(bank_.group_bytes(), 0U);
}

}  // namespace
}  // namespace talc
