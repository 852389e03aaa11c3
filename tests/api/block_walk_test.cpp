// Tests of api/block_walk.hpp, and of what else the process heap says of any address: blocks that are
// told, addresses that are not ours.
#include "talc/api/block_walk.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <map>
#include <thread>
#include <vector>

#include "support/process.hpp"

namespace talc {
namespace {

constexpr size_t kMiB = size_t{1} << 20;

// The test's own blocks come from another allocator.
std::map<void*, WalkedBlock> walk() {
  std::map<void*, WalkedBlock> blocks;
  const WalkEnd end = process_heap().walk([&](WalkedBlock block) {
    EXPECT_TRUE(blocks.emplace(block.ptr, block).second) << "told twice";
    return true;
  });
  EXPECT_EQ(end, WalkEnd::all);
  return blocks;
}

TEST(BlockWalk, TellsEachBlockAndNoOther) {
  const auto before = walk();
  std::vector<void*> live;
  std::vector<void*> freed;
  for (const size_t size : std::vector<size_t>{1, 16, 24, 100, 1000, 5000, 8192, 8193, 20000,
                                               100000, 1000000, 4000000, 5000000, 30000000}) {
    for (const size_t align : std::vector<size_t>{16, 64, 4096, 65536}) {
      for (int i = 0; i < 5; ++i) {
        (i % 2 == 0 ? live : freed).push_back(process_heap().allocate(size, align));
      }
    }
  }
  std::thread([&] {  // so that some wait in an outbox
    (void)process_heap().allocate(1, 16);
    for (void* const block : freed) {
      process_heap().release(block);
    }
    const auto told = walk();
    EXPECT_EQ(told.size(), before.size() + live.size() + 1);
    for (void* const block : live) {
      ASSERT_TRUE(told.contains(block));
      EXPECT_EQ(told.at(block).usable, process_heap().usable_size(block));
      EXPECT_EQ(told.at(block).arena == WalkedBlock::kNoArena, told.at(block).usable > 4 * kMiB);
    }
    for (void* const block : freed) {
      EXPECT_FALSE(told.contains(block));
    }
  })
      .join();
  for (void* const block : live) {
    process_heap().release(block);
  }
}

TEST(BlockWalk, Stops) {
  void* const block = process_heap().allocate(100, 16);
  int count = 0;
  EXPECT_EQ(process_heap().walk([&](WalkedBlock) { return ++count < 1; }), WalkEnd::stopped);
  EXPECT_EQ(count, 1);
  process_heap().release(block);
}

TEST(ProcessHeapForeign, IsWhatNoHeapOfOursHolds) {
  int on_the_stack = 0;
  static int in_the_program = 0;
  for (const void* const ptr :
       {static_cast<const void*>(&on_the_stack), static_cast<const void*>(&in_the_program),
        reinterpret_cast<const void*>(size_t{16})}) {
    EXPECT_TRUE(process_heap().is_foreign(ptr));
  }
  process_heap().trim(0);  // so that there is room for one more to be kept
  for (const size_t size : {size_t{10}, size_t{8000}, size_t{100000}, 4 * kMiB + 1}) {
    void* const block = process_heap().allocate(size, 16);
    EXPECT_FALSE(process_heap().is_foreign(block));
    process_heap().release(block);
    EXPECT_FALSE(process_heap().is_foreign(block)) << size;  // still mapped
  }
}

TEST(ProcessHeapForeign, IsWhatIsMappedWhereABlockOfOursWas) {
  const size_t size = 100 * kMiB;
  char* const block = static_cast<char*>(process_heap().allocate(size, 16));
  process_heap().release(block);  // too large to be kept
  void* const others = mmap(block, size, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  ASSERT_EQ(others, block);
  EXPECT_EQ(PageMap<Pages>::get(block).kind(), PageEntry::Kind::returned);
  EXPECT_TRUE(process_heap().is_foreign(block));
  EXPECT_TRUE(process_heap().is_foreign(block + 16));
  munmap(others, size);
}

class ThpTest : public testing::Test {
 protected:
  ~ThpTest() override {
    set_thp(Thp::adaptive);
    process_heap().trim(0);
  }
};

TEST_F(ThpTest, AlwaysIsForHugeBlocksToo) {
  process_heap().trim(0);  // what was kept would be used again, as it is
  size_t before = Pages::advised_bytes();
  process_heap().release(process_heap().allocate(100 * kMiB, 16));
  EXPECT_EQ(Pages::advised_bytes(), before);
  set_thp(Thp::always);
  void* const block = process_heap().allocate(100 * kMiB, 16);
  if (Pages::advised_bytes() == before) {
    GTEST_SKIP() << "the kernel has no huge pages";
  }
  EXPECT_EQ(Pages::advised_bytes() - before, 100 * kMiB);
  process_heap().release(block);
  set_thp(Thp::never);
  before = Pages::advised_bytes();
  process_heap().release(process_heap().allocate(100 * kMiB, 16));
  EXPECT_EQ(Pages::advised_bytes(), before);
}

TEST_F(ThpTest, SaysFromWhichSizeOn) {
  EXPECT_EQ(huge_from(123), 123U);
  set_thp(Thp::always);
  EXPECT_EQ(huge_from(123), 0U);
  set_thp(Thp::never);
  EXPECT_EQ(huge_from(123), ~size_t{0});
}

}  // namespace
}  // namespace talc
