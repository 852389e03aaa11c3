// Tests of api/arena.hpp: blocks within one arena, and releases that find it taken.
#include "talc/api/arena.hpp"

#include <gtest/gtest.h>
#include <string.h>

#include <thread>
#include <vector>

#include "support/flaky_pages.hpp"

namespace talc {
namespace {

struct Tag;
using Kernel = FlakyPages<Tag>;

class ArenaTest : public testing::Test {
 protected:
  ~ArenaTest() override { arena_.engine().oom_handler.unmap_all(arena_.engine()); }

  void* allocate(size_t size) {
    return arena_.try_visit()->allocate(BlockPrefix::usable_for(size), 16, 0);
  }

  void release(void* block) {
    arena_.release(block, arena_.usable_size(block, Fault::double_free));
  }

  size_t live_blocks() { return arena_.engine().get_counters().live_allocations; }

  Arena<Kernel> arena_{3};
};

TEST_F(ArenaTest, BlocksKnowTheirSize) {
  for (const size_t size : {size_t{0}, size_t{1}, size_t{100}, size_t{100000}}) {
    void* const block = allocate(size);
    ASSERT_NE(block, nullptr);
    EXPECT_EQ(arena_.usable_size(block, Fault::use_after_free), BlockPrefix::usable_for(size));
    EXPECT_EQ(PageMap<Kernel>::get(block).arena(), 3U);
    release(block);
  }
  EXPECT_EQ(live_blocks(), 0U);
}

TEST_F(ArenaTest, ResizesInPlaceOrNotAtAll) {
  void* const block = allocate(10000);
  void* const wall = allocate(1000);
  memset(block, 7, 10000);
  const size_t usable = BlockPrefix::usable_for(10000);
  EXPECT_FALSE(arena_.try_visit()->resize_in_place(block, usable, usable + 160));
  EXPECT_EQ(arena_.usable_size(block, Fault::use_after_free), usable);
  EXPECT_TRUE(arena_.try_visit()->resize_in_place(block, usable, usable - 4000));
  EXPECT_EQ(arena_.usable_size(block, Fault::use_after_free), usable - 4000);
  EXPECT_TRUE(arena_.try_visit()->resize_in_place(block, usable - 4000, usable));
  EXPECT_EQ(static_cast<char*>(block)[5000], 7);
  release(block);
  release(wall);
}

TEST_F(ArenaTest, AVisitExcludesOthers) {
  const auto visit = arena_.try_visit();
  ASSERT_TRUE(visit);
  std::thread([&] {
    EXPECT_FALSE(arena_.try_visit());
    EXPECT_FALSE(arena_.visit_within(5));
  }).join();
}

TEST_F(ArenaTest, AReleaseThatFindsTheArenaTakenIsDoneByTheNextVisitor) {
  std::vector<void*> blocks;
  for (size_t i = 0; i < 100; ++i) {
    blocks.push_back(allocate(i * 50));
  }
  {
    const auto visit = arena_.try_visit();
    std::thread([&] {
      for (void* const block : blocks) {
        release(block);
      }
    }).join();
    EXPECT_EQ(live_blocks(), 100U);
  }
  (void)arena_.try_visit();
  EXPECT_EQ(live_blocks(), 0U);
  EXPECT_EQ(arena_.engine().find_fault(), nullptr);
}

TEST_F(ArenaTest, SoIsOneOfABlockThatWasMarkedFreed) {
  void* const now = allocate(1000);
  void* const later = allocate(1000);
  const size_t usable = arena_.usable_size(now, Fault::double_free);
  for (void* const block : {now, later}) {
    ASSERT_TRUE(BlockPrefix::try_end(block, usable, BlockPrefix::State::freed));
  }
  arena_.release_marked(now, usable);
  EXPECT_EQ(live_blocks(), 1U);
  {
    const auto visit = arena_.try_visit();
    arena_.release_marked(later, usable);
    EXPECT_EQ(live_blocks(), 1U);
  }
  (void)arena_.try_visit();
  EXPECT_EQ(live_blocks(), 0U);
  EXPECT_EQ(arena_.engine().find_fault(), nullptr);
}

TEST_F(ArenaTest, ClearsWhatIsAskedFor) {
  char* const dirty = static_cast<char*>(allocate(50000));
  memset(dirty, 1, 50000);
  release(dirty);
  const size_t usable = BlockPrefix::usable_for(50000);
  char* const block = static_cast<char*>(arena_.try_visit()->allocate(usable, 16, 40000));
  for (size_t i = 0; i < 40000; ++i) {
    ASSERT_EQ(block[i], 0);
  }
  release(block);
}

using ArenaDeathTest = ArenaTest;

TEST_F(ArenaDeathTest, AWaitingBlockIsNotReleasedAgainNorUsed) {
  void* const block = allocate(100);
  const auto visit = arena_.try_visit();
  release(block);  // this thread is the visitor: so it waits
  EXPECT_DEATH(release(block), "^talc: double free: 0x[0-9a-f]+\n$");
  EXPECT_DEATH((void)arena_.usable_size(block, Fault::use_after_free), "^talc: use after free: ");
}

TEST_F(ArenaDeathTest, AWaitingBlockWhosePrefixIsOverwrittenIsNamed) {
  void* const block = allocate(100);
  {
    const auto visit = arena_.try_visit();
    release(block);
    store_word(static_cast<char*>(block) - kWordSize, 0);
  }
  EXPECT_DEATH((void)arena_.try_visit(), "^talc: corrupt block: 0x[0-9a-f]+\n$");
}

// A write into a freed slot that waits must not free a live one, whatever was known of what is there.
TEST_F(ArenaDeathTest, AWaitingSlotThatLeadsElsewhereIsNamed) {
  void* slots[3] = {};
  for (void*& slot : slots) {
    slot = arena_.try_visit()->take_slot(4);
  }
  {
    const auto visit = arena_.try_visit();
    arena_.leave_slot_waiting(slots[0]);
    arena_.leave_slot_waiting(slots[1]);
    auto* const leads_on = static_cast<char*>(slots[1]);
    store_word(leads_on, load_word(leads_on) ^ address_of(slots[0]) ^ address_of(slots[2]));
  }
  EXPECT_DEATH((void)arena_.try_visit(), "^talc: corrupt free memory: 0x[0-9a-f]+\n$");
}

}  // namespace
}  // namespace talc
