// The names that glibc has for its own functions. See served.hpp.
#include <malloc.h>

#include "served.hpp"

extern "C" {
void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void __libc_free(void*);
void* __libc_memalign(size_t, size_t);
void* __libc_valloc(size_t);
void* __libc_pvalloc(size_t);
}

namespace {

using namespace served;

TEST(LibcNames, GiveBlocksOfTheSameHeap) {
  void* const blocks[] = {__libc_malloc(100),           __libc_calloc(10, 10),
                          __libc_realloc(nullptr, 100), __libc_valloc(100),
                          __libc_memalign(64, 100),     __libc_pvalloc(100)};
  for (void* const block : blocks) {
    ASSERT_NE(block, nullptr);
    EXPECT_GE(malloc_usable_size(block), 100U);
    fill(block, 1, 100);
    free(block);
  }
  __libc_free(malloc(100));
  __libc_free(nullptr);
}

TEST(LibcNames, FailLikeTheOthers) {
  errno = 0;
  EXPECT_EQ(__libc_malloc(kMaxSize), nullptr);
  EXPECT_EQ(errno, ENOMEM);
  errno = 0;
  EXPECT_EQ(__libc_calloc(kMaxSize, 2), nullptr);
  EXPECT_EQ(errno, ENOMEM);
  errno = 0;
  EXPECT_EQ(__libc_memalign(64, kMaxSize), nullptr);
  EXPECT_EQ(errno, ENOMEM);
  errno = 0;
  EXPECT_EQ(__libc_pvalloc(kMaxSize), nullptr);
  EXPECT_EQ(errno, ENOMEM);
  EXPECT_EQ(__libc_realloc(__libc_malloc(1), opaque(size_t{0})), nullptr);
}

TEST(LibcNames, OfWhichGlibcHidesSome) {
  ONLY_UNDER_TALC();
  auto* const posix_memalign_alias = find<int(void**, size_t, size_t)>("__posix_memalign");
  auto* const cfree = find<void(void*)>("cfree");
  ASSERT_NE(posix_memalign_alias, nullptr);
  ASSERT_NE(cfree, nullptr);
  void* block = nullptr;
  EXPECT_EQ(posix_memalign_alias(&block, 24, 100), EINVAL);
  ASSERT_EQ(posix_memalign_alias(&block, 128, 100), 0);
  EXPECT_TRUE(is_aligned(block, 128));
  cfree(block);
  cfree(nullptr);
}

}  // namespace
