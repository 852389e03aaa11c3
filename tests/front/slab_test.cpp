// Tests of front/slab.hpp: slots are taken lowest first, once each, and wrong pointers are known.
#include "talc/front/slab.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <vector>

namespace talc {
namespace {

// Metadata with room for its bits, over addresses that nobody touches.
class SlabOf {
 public:
  static constexpr unsigned kArena = 5;
  explicit SlabOf(unsigned size_class, size_t reserved_bytes = 0, bool is_fresh = false)
      : memory_(new size_t[Slab::metadata_bytes(size_class) / sizeof(size_t) + 1]),
        slab_(new (kPlacement, memory_.get())
                  Slab(base(), kArena, size_class, reserved_bytes, is_fresh)) {}
  Slab* operator->() { return slab_; }
  static char* base() { return reinterpret_cast<char*>(size_t{16} << kGranuleLog2); }

 private:
  std::unique_ptr<size_t[]> memory_;
  Slab* slab_;
};

Slab::Put put(SlabOf& slab, void* block) { return slab->put(&block, &block + 1).why; }

std::vector<void*> take(SlabOf& slab, unsigned count) {
  std::vector<void*> blocks(count);
  blocks.resize(slab->take(count, blocks.data() + count).count);
  return blocks;
}

TEST(Slab, EverySlotOfEveryClassIsTakenOnceInOrder) {
  for (unsigned size_class = 0; size_class < SizeClasses::kCount; ++size_class) {
    SlabOf slab(size_class);
    const unsigned slots = Slab::slots_of(size_class);
    EXPECT_TRUE(slab->is_empty());
    std::vector<void*> blocks(slots + 5);
    ASSERT_EQ(slab->take(slots + 5, blocks.data() + slots).count, slots);
    EXPECT_TRUE(slab->is_full());
    EXPECT_EQ(slab->take(1, blocks.data() + slots + 1).count, 0U);
    for (unsigned i = 0; i < slots; ++i) {
      const char* const slot = SlabOf::base() + i * SizeClasses::size_of(size_class);
      ASSERT_EQ(blocks[slots - 1 - i], slot);
      ASSERT_TRUE(slab->is_slot(slot));
      ASSERT_LE(slot + SizeClasses::size_of(size_class), slab->region().acme);
    }
  }
}

TEST(Slab, LowestFreeSlotsComeFirst) {
  SlabOf slab(3);
  const std::vector<void*> blocks = take(slab, 200);
  for (const unsigned i : {10U, 190U, 70U, 71U}) {
    EXPECT_EQ(put(slab, blocks[i]), Slab::Put::ok);
  }
  const std::vector<void*> again = take(slab, 5);
  EXPECT_EQ(again[4], blocks[190]);  // blocks[199] is slot 0
  EXPECT_EQ(again[3], blocks[71]);
  EXPECT_EQ(again[2], blocks[70]);
  EXPECT_EQ(again[1], blocks[10]);
  EXPECT_EQ(again[0], SlabOf::base() + 200 * SizeClasses::size_of(3));
}

TEST(Slab, PuttingASlotTwiceChangesNothing) {
  SlabOf slab(5);
  void* block = take(slab, 1)[0];
  take(slab, 1);
  EXPECT_EQ(put(slab, block), Slab::Put::ok);
  EXPECT_EQ(put(slab, block), Slab::Put::free_already);
  EXPECT_FALSE(slab->is_empty());
}

TEST(Slab, ARunEndsAtABlockOfAnotherSlabOrAtAWrongOne) {
  SlabOf slab(5);
  std::vector<void*> blocks = take(slab, 10);
  blocks[4] = SlabOf::base() + kGranuleSize;
  Slab::Stop stop = slab->put(blocks.data(), blocks.data() + 10);
  EXPECT_EQ(stop.at, &blocks[4]);
  EXPECT_EQ(stop.why, Slab::Put::no_slot);
  blocks[7] = blocks[5];
  stop = slab->put(&blocks[5], blocks.data() + 10);
  EXPECT_EQ(stop.at, &blocks[7]);
  EXPECT_EQ(stop.why, Slab::Put::free_already);
  stop = slab->put(&blocks[8], blocks.data() + 10);
  EXPECT_EQ(stop.at, blocks.data() + 10);
  EXPECT_FALSE(slab->is_empty());  // the fifth and the eighth never came
  take(slab, Slab::slots_of(5) - 2);
  EXPECT_TRUE(slab->is_full());
}

// All slots of a slab, in pieces that rise, fall, or are in no order.
std::vector<void*> take_in_pieces(SlabOf& slab, std::mt19937& random) {
  std::vector<void*> blocks = take(slab, slab->slots());
  for (auto from = blocks.begin(); from != blocks.end();) {
    const auto left = static_cast<unsigned>(blocks.end() - from);
    const auto to = from + std::min(left, static_cast<unsigned>(1 + random() % 100));
    switch (random() % 3) {
      case 0:
        std::reverse(from, to);
        break;
      case 1:
        std::shuffle(from, to, random);
        break;
      default:
        break;
    }
    from = to;
  }
  return blocks;
}

// A batch that comes back in whatever order is free then, up to a slot that came before.
TEST(Slab, RunsThatRiseOrFallComeBackUpToOneThatIsFree) {
  std::mt19937 random(1);
  for (const unsigned size_class : {0U, 1U, 5U, 20U, 60U, 100U}) {
    for (int round = 0; round < 200; ++round) {
      SlabOf slab(size_class);
      std::vector<void*> blocks = take_in_pieces(slab, random);
      const auto half = static_cast<ptrdiff_t>(1 + random() % blocks.size());
      ASSERT_EQ(slab->put(blocks.data(), blocks.data() + half).at, blocks.data() + half);
      const auto left = static_cast<unsigned>(blocks.size()) - static_cast<unsigned>(half);
      const auto twice = half + static_cast<ptrdiff_t>(random() % (left + 1));
      blocks.insert(blocks.begin() + twice, blocks[random() % static_cast<size_t>(half)]);
      const Slab::Stop stop = slab->put(blocks.data() + half, blocks.data() + blocks.size());
      ASSERT_EQ(stop.at, blocks.data() + twice);
      ASSERT_EQ(stop.why, Slab::Put::free_already);
      std::vector<void*> free(blocks.begin(), blocks.begin() + twice);
      std::sort(free.rbegin(), free.rend());
      ASSERT_EQ(take(slab, static_cast<unsigned>(free.size())), free);
      ASSERT_TRUE(slab->is_full());
    }
  }
}

TEST(Slab, KnowsWhatIsNoSlot) {
  for (unsigned size_class = 0; size_class < SizeClasses::kCount; ++size_class) {
    SlabOf slab(size_class);
    take(slab, Slab::slots_of(size_class));
    const size_t size = SizeClasses::size_of(size_class);
    EXPECT_EQ(put(slab, SlabOf::base() + size - 1), Slab::Put::no_slot);
    EXPECT_EQ(put(slab, SlabOf::base() + 1), Slab::Put::no_slot);
    char* const end = SlabOf::base() + Slab::slots_of(size_class) * size;
    EXPECT_FALSE(end < slab->region().acme && slab->is_slot(end));
    EXPECT_TRUE(slab->is_full());
  }
}

TEST(Slab, KnowsItsSlotsByTheirPlaceInTheGranule) {
  for (unsigned size_class = 0; size_class < SizeClasses::kCount; ++size_class) {
    SlabOf slab(size_class);
    for (size_t offset = 0; offset < kGranuleSize && Slab::granules_of(size_class) == 1;
         offset += 16) {
      const char* const at = SlabOf::base() + offset;
      ASSERT_EQ(Slab::is_slot_in_granule(at, size_class), slab->is_slot(at)) << offset;
    }
  }
}

TEST(Slab, AnyPointerMayCome) {
  for (unsigned size_class = 0; size_class < SizeClasses::kCount; ++size_class) {
    SlabOf slab(size_class);
    take(slab, 1);
    for (unsigned bit = 4; bit < kWordBits; ++bit) {
      auto* const above = reinterpret_cast<void*>(address_of(SlabOf::base()) + (size_t{1} << bit));
      auto* const below = reinterpret_cast<void*>(address_of(SlabOf::base()) - (size_t{1} << bit));
      EXPECT_EQ(put(slab, above) == Slab::Put::no_slot, !slab->is_slot(above));
      EXPECT_EQ(put(slab, below), Slab::Put::no_slot);
    }
    EXPECT_FALSE(slab->is_empty());
  }
}

TEST(Slab, WhatIsReservedIsNoSlot) {
  for (unsigned size_class = 0; size_class < SizeClasses::kCount; ++size_class) {
    SlabOf slab(size_class, 8);
    const unsigned slots = Slab::slots_of(size_class);
    const bool is_all_slots =
        slots * SizeClasses::size_of(size_class) == Slab::granules_of(size_class) * kGranuleSize;
    EXPECT_EQ(take(slab, slots).size(), is_all_slots ? slots - 1 : slots);
    EXPECT_TRUE(slab->is_full());
    EXPECT_EQ(slab->arena(), SlabOf::kArena);
  }
}

TEST(Slab, TellsWhatWasNeverTaken) {
  constexpr unsigned kClass = 5;
  const size_t size = SizeClasses::size_of(kClass);
  SlabOf slab(kClass, 0, true);
  void* blocks[40];
  Span fresh = slab->take(10, blocks + 40).fresh;
  EXPECT_EQ(fresh, Span(SlabOf::base(), SlabOf::base() + 10 * size));
  EXPECT_EQ(put(slab, blocks[33]), Slab::Put::ok);
  EXPECT_TRUE(slab->take(1, blocks + 34).fresh.is_empty());
  EXPECT_EQ(put(slab, blocks[33]), Slab::Put::ok);
  EXPECT_EQ(put(slab, blocks[39]), Slab::Put::ok);
  fresh = slab->take(4, blocks + 4).fresh;
  EXPECT_EQ(fresh, Span(SlabOf::base() + 10 * size, SlabOf::base() + 12 * size));
  SlabOf used(kClass);
  EXPECT_TRUE(used->take(10, blocks + 40).fresh.is_empty());
}

TEST(Slab, LittleIsLeftOverAboveTheLastSlot) {
  for (unsigned size_class = 0; size_class < SizeClasses::kCount; ++size_class) {
    const size_t region = Slab::granules_of(size_class) * kGranuleSize;
    const size_t used = Slab::slots_of(size_class) * SizeClasses::size_of(size_class);
    EXPECT_LE((region - used) * 16, region) << SizeClasses::size_of(size_class);
  }
}

constexpr size_t kPage = 4096;
constexpr unsigned kOf256Bytes = SizeClasses::class_of(256);  // 16 slots a page

PurgePass idle_pass(unsigned number) { return {.takes = PurgePass::Takes::idle, .number = number}; }

TEST(Slab, FreePagesAreThoseWithoutASlotInUse) {
  SlabOf slab(kOf256Bytes);
  EXPECT_EQ(slab->free_pages(kPage), 0xFFFFU);
  const std::vector<void*> blocks = take(slab, 17);
  EXPECT_EQ(slab->free_pages(kPage), 0xFFFCU);
  put(slab, blocks[0]);  // the highest
  EXPECT_EQ(slab->free_pages(kPage), 0xFFFEU);
  EXPECT_EQ(slab->free_pages(4 * kPage), 0xFFF0U);
}

TEST(Slab, APageThatSlotsReachIntoIsNotFree) {
  SlabOf slab(SizeClasses::class_of(3072));  // the second slot lies on two pages
  const std::vector<void*> blocks = take(slab, 2);
  put(slab, blocks[1]);
  EXPECT_EQ(slab->free_pages(kPage) & 0b111U, 0b100U);
}

// Those that touch no slot in use, nor what is left over above the last slot.
uint64_t free_pages_of(const std::vector<bool>& is_used, size_t slot_bytes, size_t page_bytes) {
  uint64_t pages = 0;
  for (size_t at = 0; at + page_bytes <= is_used.size() * slot_bytes; at += page_bytes) {
    bool is_free = true;
    for (size_t byte = at; byte < at + page_bytes; ++byte) {
      is_free = is_free && !is_used[byte / slot_bytes];
    }
    for (size_t unit = at / kPage; is_free && unit < (at + page_bytes) / kPage; ++unit) {
      pages |= uint64_t{1} << unit;
    }
  }
  return pages;
}

TEST(Slab, FreePagesOfEveryClassAreWhatCountingBytesFinds) {
  std::mt19937 random(1);
  for (unsigned size_class = 0; size_class < SizeClasses::kCount; ++size_class) {
    SlabOf slab(size_class);
    const unsigned slots = slab->slots();
    std::vector<void*> blocks = take(slab, slots);
    std::vector<bool> is_used(slots, true);
    std::shuffle(blocks.begin(), blocks.end(), random);
    for (unsigned kept : {slots / 2, slots / 64, 1U, 0U}) {
      for (; blocks.size() > kept; blocks.pop_back()) {
        put(slab, blocks.back());
        is_used[static_cast<size_t>(static_cast<char*>(blocks.back()) - SlabOf::base()) /
                slab->slot_bytes()] = false;
      }
      for (const size_t page : {kPage, 4 * kPage, 16 * kPage}) {
        ASSERT_EQ(slab->free_pages(page), free_pages_of(is_used, slab->slot_bytes(), page))
            << slab->slot_bytes() << " " << kept << " " << page;
      }
    }
  }
}

TEST(Slab, PagesThatAreFreeFromOnePassToTheNextAreDueOnce) {
  SlabOf slab(kOf256Bytes);
  const std::vector<void*> blocks = take(slab, 64);
  for (unsigned i = 0; i < 48; ++i) {
    put(slab, blocks[i]);
  }
  const uint64_t free = slab->free_pages(kPage);
  EXPECT_EQ(free, 0xFFFEU);
  EXPECT_EQ(slab->due_pages(free, idle_pass(1)), 0U);
  EXPECT_EQ(slab->due_pages(free, idle_pass(1)), 0U);  // another part of it
  const uint64_t due = slab->due_pages(free, idle_pass(2));
  EXPECT_EQ(due, free);
  slab->set_purged(due);
  EXPECT_EQ(slab->due_pages(free, idle_pass(3)), 0U);
  EXPECT_EQ(slab->dirty_pages(free), 0U);
  EXPECT_EQ(slab->purged_bytes(kPage), 15 * kPage);
}

TEST(Slab, PagesOfWhichASlotWasTakenAreNotIdle) {
  SlabOf slab(kOf256Bytes);
  std::vector<void*> blocks = take(slab, 64);
  for (void* block : blocks) {
    put(slab, block);
  }
  const uint64_t free = slab->free_pages(kPage);
  EXPECT_EQ(slab->due_pages(free, idle_pass(1)), 0U);
  for (void* block : take(slab, 17)) {  // comes and goes: on two pages
    put(slab, block);
  }
  EXPECT_EQ(slab->due_pages(free, idle_pass(2)), 0xFFFCU);
  EXPECT_EQ(slab->due_pages(free, {.takes = PurgePass::Takes::all}), 0xFFFFU);
}

}  // namespace
}  // namespace talc
