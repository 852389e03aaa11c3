// The functions that align, as a program sees them. See served.hpp.
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "served.hpp"

namespace {

using namespace served;

constexpr size_t kTopBit = ~(SIZE_MAX >> 1);

class EveryAlignment : public testing::TestWithParam<size_t> {};

TEST_P(EveryAlignment, AtEverySize) {
  const size_t align = GetParam();
  std::vector<void*> blocks;
  for (const size_t size : kSizes) {
    for (int i = 0; i < 2; ++i) {
      void* posix = nullptr;
      errno = EXDEV;
      ASSERT_EQ(posix_memalign(&posix, align < sizeof(void*) ? sizeof(void*) : align, size), 0);
      for (void* const block : {memalign(align, size), aligned_alloc(align, size), posix}) {
        ASSERT_NE(block, nullptr) << size;
        EXPECT_EQ(errno, EXDEV);
        EXPECT_TRUE(is_aligned(block, align < 16 ? 16 : align)) << size;
        EXPECT_GE(malloc_usable_size(block), size);
        fill(block, static_cast<int>(blocks.size()), size < 5000 ? size : 5000);
        blocks.push_back(block);
      }
    }
  }
  for (size_t i = 0; i < blocks.size(); ++i) {
    const size_t size = kSizes[i / 6];
    EXPECT_TRUE(is_filled(blocks[i], static_cast<int>(i), size < 5000 ? size : 5000)) << size;
    free(blocks[i]);
  }
}

// Every size of the small classes, whose slots must be multiples of what is asked for. Some blocks
// are kept for a while: the first slot of a slab is aligned to anything.
TEST(SmallAlignments, AreKeptAtEverySize) {
  void* kept[32] = {};
  size_t next = 0;
  for (size_t align = 1; align <= 16384; align *= 2) {
    for (size_t size = 0; size <= 8300; ++size) {
      void* posix = nullptr;
      ASSERT_EQ(posix_memalign(&posix, align < sizeof(void*) ? sizeof(void*) : align, size), 0);
      for (void* const block : {memalign(align, size), posix}) {
        ASSERT_TRUE(block != nullptr && is_aligned(block, align < 16 ? 16 : align))
            << align << ' ' << size << ' ' << block;
        free(std::exchange(kept[next++ % std::size(kept)], block));
      }
    }
  }
  std::for_each(std::begin(kept), std::end(kept), free);
}

// With 32 bits there is no room for so many blocks apart by more.
INSTANTIATE_TEST_SUITE_P(UpTo64MiB, EveryAlignment, testing::ValuesIn([] {
                           std::vector<size_t> powers;
                           for (size_t align = 1;
                                align <= size_t{sizeof(void*) == 8 ? 64 : 4} << 20; align *= 2) {
                             powers.push_back(align);
                           }
                           return powers;
                         }()),
                         testing::PrintToStringParamName());

TEST(Memalign, RoundsAlignmentsUpToAPowerOfTwo) {
  for (const auto& [asked, had] : {std::pair<size_t, size_t>{0, 16},
                                   {3, 16},
                                   {17, 32},
                                   {24, 32},
                                   {48, 64},
                                   {3000, 4096},
                                   {4097, 8192}}) {
    for (auto* const allocate : {&memalign, &aligned_alloc}) {
      void* const block = allocate(opaque(asked), 10);
      ASSERT_NE(block, nullptr) << asked;
      EXPECT_TRUE(is_aligned(block, had)) << asked;
      free(block);
    }
  }
}

TEST(Memalign, OfAnAlignmentBeyondPowersOfTwoIsEinval) {
  for (auto* const allocate : {&memalign, &aligned_alloc}) {
    for (const size_t align : {kTopBit + 1, kMaxSize}) {
      errno = 0;
      EXPECT_EQ(allocate(align, 1), nullptr);
      EXPECT_EQ(errno, EINVAL);
    }
    errno = 0;
    EXPECT_EQ(allocate(opaque(kTopBit), 1), nullptr);
    EXPECT_EQ(errno, ENOMEM);
  }
}

TEST(Memalign, TooLargeIsNullAndEnomem) {
  for (const size_t align : {size_t{16}, size_t{64}, size_t{4096}, size_t{1} << 30}) {
    for (const size_t size : {kTooLarge, kLargest, kMaxSize - align, kMaxSize}) {
      for (auto* const allocate : {&memalign, &aligned_alloc}) {
        errno = 0;
        EXPECT_EQ(allocate(align, size), nullptr) << align << ' ' << size;
        EXPECT_EQ(errno, ENOMEM) << align << ' ' << size;
      }
    }
  }
}

TEST(AlignedAlloc, TakesSizesThatAreNoMultipleOfTheAlignment) {
  void* const block = aligned_alloc(opaque(size_t{256}), 10);
  EXPECT_TRUE(is_aligned(block, 256));
  free(block);
}

TEST(PosixMemalign, RefusesAlignmentsThatAreNoPowerOfTwoOrNoMultipleOfAPointer) {
  void* const before = &errno;
  for (const size_t align : {size_t{0}, size_t{1}, sizeof(void*) / 2, size_t{12}, size_t{24},
                             size_t{100}, kMaxSize, kTopBit + 8}) {
    void* block = before;
    errno = EXDEV;
    EXPECT_EQ(posix_memalign(&block, opaque(align), 16), EINVAL) << align;
    EXPECT_EQ(block, before);
    EXPECT_EQ(errno, EXDEV);
  }
}

TEST(PosixMemalign, TooLargeIsTheResultEnomemAndNothingElse) {
  ONLY_UNDER_TALC();  // glibc sets errno too
  for (const size_t size : {kTooLarge, kMaxSize - 64, kMaxSize}) {
    void* const before = &errno;
    void* block = before;
    errno = EXDEV;
    EXPECT_EQ(posix_memalign(&block, 64, size), ENOMEM);
    EXPECT_EQ(block, before);
    EXPECT_EQ(errno, EXDEV);
  }
}

TEST(Valloc, AlignsToThePage) {
  const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  for (const size_t size : kSizes) {
    errno = EXDEV;
    for (void* const block : {valloc(size), pvalloc(size)}) {
      ASSERT_NE(block, nullptr);
      EXPECT_EQ(errno, EXDEV);
      EXPECT_TRUE(is_aligned(block, page)) << size;
      EXPECT_GE(malloc_usable_size(block), size);
      fill(block, 1, size);
      free(block);
    }
  }
}

TEST(Pvalloc, RoundsTheSizeUpToWholePages) {
  const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  for (const size_t size : {size_t{1}, page - 1, page, page + 1}) {
    void* const block = pvalloc(size);
    EXPECT_GE(malloc_usable_size(block), (size + page - 1) / page * page);
    free(block);
  }
}

TEST(Valloc, TooLargeIsNullAndEnomem) {
  for (const size_t size : {kTooLarge, kLargest, kMaxSize - 4096, kMaxSize - 100, kMaxSize}) {
    errno = 0;
    EXPECT_EQ(valloc(size), nullptr) << size;
    EXPECT_EQ(errno, ENOMEM) << size;
    errno = 0;
    EXPECT_EQ(pvalloc(size), nullptr) << size;
    EXPECT_EQ(errno, ENOMEM) << size;
  }
}

}  // namespace
