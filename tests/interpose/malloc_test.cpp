// malloc, calloc, realloc, free and their kin as a program sees them. See served.hpp.
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "served.hpp"

namespace {

using namespace served;

TEST(ServedBy, TalcWhereverItIsPreloaded) {
  const char* const preload = getenv("LD_PRELOAD");
  EXPECT_EQ(by_talc(), preload != nullptr && strstr(preload, "libtalc") != nullptr);
}

TEST(Malloc, GivesWritableBlocksThatDontOverlap) {
  std::vector<std::pair<unsigned char*, size_t>> blocks;
  for (int round = 0; round < 3; ++round) {
    for (const size_t size : kSizes) {
      auto* const block = static_cast<unsigned char*>(malloc(size));
      ASSERT_NE(block, nullptr) << size;
      EXPECT_TRUE(is_aligned(block, 16)) << size;
      fill(block, static_cast<int>(blocks.size()), size);
      blocks.emplace_back(block, size);
    }
  }
  for (size_t i = 0; i < blocks.size(); ++i) {
    EXPECT_TRUE(is_filled(blocks[i].first, static_cast<int>(i), blocks[i].second)) << i;
    free(blocks[i].first);
  }
}

TEST(Malloc, AlignsEverySizeTo16) {
  std::vector<void*> blocks;
  for (size_t size = 0; size < 2000; ++size) {
    blocks.push_back(malloc(size));
    ASSERT_TRUE(is_aligned(blocks.back(), 16)) << size;
  }
  std::for_each(blocks.begin(), blocks.end(), free);
}

TEST(Malloc, OfZeroBytesIsABlockOfItsOwn) {
  void* const a = malloc(0);
  void* const b = malloc(0);
  EXPECT_NE(a, nullptr);
  EXPECT_NE(b, nullptr);
  EXPECT_NE(a, b);
  free(a);
  free(b);
}

TEST(Malloc, TooLargeIsNullAndEnomem) {
  for (const size_t size : {kTooLarge, kLargest, kTooLarge + 1, kMaxSize - 4096, kMaxSize - 16,
                            kMaxSize - 1, kMaxSize}) {
    errno = 0;
    EXPECT_EQ(malloc(size), nullptr) << size;
    EXPECT_EQ(errno, ENOMEM) << size;
  }
}

TEST(Malloc, MoreThanTheAddressSpaceIsNullAndEnomem) {
  errno = 0;
  EXPECT_EQ(malloc(kBeyondAddresses), nullptr);
  EXPECT_EQ(errno, ENOMEM);
}

TEST(Malloc, LeavesErrnoWhenItSucceeds) {
  for (const size_t size : kSizes) {
    errno = EXDEV;
    void* const block = malloc(size);
    EXPECT_EQ(errno, EXDEV) << size;
    free(block);
  }
}

TEST(Free, LeavesErrno) {
  std::vector<void*> blocks;
  for (const size_t size : kSizes) {
    blocks.push_back(malloc(size));
  }
  blocks.push_back(malloc(size_t{64} << 20));
  blocks.push_back(nullptr);
  errno = EXDEV;
  for (void* const block : blocks) {
    free(block);
    EXPECT_EQ(errno, EXDEV);
  }
}

TEST(Calloc, ClearsWhatWasUsedBefore) {
  for (const size_t size : kSizes) {
    for (int round = 0; round < 3; ++round) {
      void* const block = calloc(1, size);
      ASSERT_NE(block, nullptr);
      EXPECT_TRUE(is_aligned(block, 16));
      EXPECT_TRUE(is_filled(block, 0, size)) << size;
      fill(block, 0xa5, malloc_usable_size(block));
      free(block);
    }
  }
}

TEST(Calloc, OverflowIsNullAndEnomem) {
  // Its square wraps round to nothing.
  const size_t half = opaque(size_t{1} << sizeof(size_t) * 4);
  const std::pair<size_t, size_t> cases[] = {{kMaxSize, 2}, {2, kMaxSize},    {kMaxSize, kMaxSize},
                                             {half, half},  {half + 1, half}, {kTooLarge, 1},
                                             {1, kTooLarge}};
  for (const auto& [count, size] : cases) {
    errno = 0;
    EXPECT_EQ(calloc(count, size), nullptr) << count << " * " << size;
    EXPECT_EQ(errno, ENOMEM) << count << " * " << size;
  }
}

TEST(Calloc, OfNothingIsABlock) {
  for (const auto& [count, size] :
       {std::pair<size_t, size_t>{0, 0}, {0, 8}, {8, 0}, {0, SIZE_MAX}}) {
    void* const block = calloc(opaque(count), opaque(size));
    EXPECT_NE(block, nullptr);
    free(block);
  }
}

TEST(Realloc, KeepsTheContentsUpAndDown) {
  for (const size_t from : kSizes) {
    for (const size_t to : kSizes) {
      if (to == 0) {
        continue;
      }
      void* block = malloc(from);
      fill(block, 0x3c, from);
      errno = EXDEV;
      block = realloc(block, to);
      ASSERT_NE(block, nullptr);
      EXPECT_EQ(errno, EXDEV);
      EXPECT_TRUE(is_aligned(block, 16));
      EXPECT_TRUE(is_filled(block, 0x3c, std::min(from, to))) << from << " to " << to;
      fill(block, 0x11, to);
      free(block);
    }
  }
}

TEST(Realloc, OfNullAllocates) {
  void* const block = realloc(nullptr, 100);
  ASSERT_NE(block, nullptr);
  free(block);
  void* const empty = realloc(nullptr, 0);
  EXPECT_NE(empty, nullptr);
  free(empty);
}

TEST(Realloc, ToZeroFreesAndReturnsNull) {
  void* const block = malloc(100);
  errno = EXDEV;
  EXPECT_EQ(realloc(block, opaque(size_t{0})), nullptr);
  EXPECT_EQ(errno, EXDEV);
}

TEST(Realloc, TooLargeLeavesTheBlock) {
  for (const size_t old_size : {size_t{100}, size_t{100000}, size_t{8} << 20}) {
    void* const block = malloc(old_size);
    fill(block, 7, old_size);
    for (const size_t size : {kTooLarge, kMaxSize - 1, kMaxSize, kBeyondAddresses}) {
      errno = 0;
      EXPECT_EQ(realloc(block, size), nullptr);
      EXPECT_EQ(errno, ENOMEM);
    }
    EXPECT_TRUE(is_filled(block, 7, old_size));
    free(block);
  }
}

// What lies behind the block lets it grow only elsewhere: what the kernel says of the attempt is nobody's
// concern.
TEST(Realloc, LeavesErrnoWhereTheKernelRefusesToGrow) {
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const size_t size = size_t{8} << 20;
  auto* const block = static_cast<char*>(malloc(size));
  ASSERT_NE(block, nullptr);
  const auto end = reinterpret_cast<uintptr_t>(block + malloc_usable_size(block));
  char* const behind = reinterpret_cast<char*>((end + page - 1) / page * page);
  void* const wall = mmap(behind, page, PROT_NONE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
  errno = EXDEV;
  void* const grown = realloc(block, 4 * size);
  EXPECT_EQ(errno, EXDEV);
  EXPECT_NE(grown, nullptr);
  free(grown);
  if (wall != MAP_FAILED) {
    munmap(wall, page);
  }
}

TEST(Realloc, OfAnAlignedBlockKeepsTheContents) {
  for (const size_t align : {size_t{64}, size_t{4096}, size_t{1} << 20}) {
    void* block = aligned_alloc(align, 1000);
    fill(block, 9, 1000);
    block = realloc(block, 300000);
    EXPECT_TRUE(is_filled(block, 9, 1000));
    free(block);
  }
}

TEST(Reallocarray, MultipliesAndRefusesToOverflow) {
  void* block = reallocarray(nullptr, 10, 100);
  ASSERT_NE(block, nullptr);
  fill(block, 5, 1000);
  errno = 0;
  EXPECT_EQ(reallocarray(opaque(block), kMaxSize / 2, 3), nullptr);
  EXPECT_EQ(errno, ENOMEM);
  EXPECT_TRUE(is_filled(block, 5, 1000));
  block = reallocarray(block, 20, 100);
  EXPECT_TRUE(is_filled(block, 5, 1000));
  EXPECT_EQ(reallocarray(block, opaque(size_t{0}), 100), nullptr);
}

TEST(FreeSized, Frees) {
  ONLY_UNDER_TALC();
  auto* const free_sized = find<void(void*, size_t)>("free_sized");
  auto* const free_aligned_sized = find<void(void*, size_t, size_t)>("free_aligned_sized");
  ASSERT_NE(free_sized, nullptr);
  ASSERT_NE(free_aligned_sized, nullptr);
  errno = EXDEV;
  free_sized(malloc(100), 100);
  free_sized(nullptr, 0);
  free_aligned_sized(aligned_alloc(256, 1000), 256, 1000);
  free_aligned_sized(nullptr, 16, 0);
  EXPECT_EQ(errno, EXDEV);
}

}  // namespace
