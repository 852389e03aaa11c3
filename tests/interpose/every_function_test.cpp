// What holds for every exported function that hands blocks out or takes them back, whatever its
// name: results and errno of what cannot be had, of what can, and of giving it back. See served.hpp.
#include <malloc.h>
#include <stdio.h>
#include <unistd.h>
#include <wchar.h>

#include <algorithm>
#include <new>
#include <vector>

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

struct Allocator {
  const char* name;
  void* (*allocate)(size_t size);
};

const Allocator kAllocators[] = {
    {"malloc", [](size_t size) { return malloc(size); }},
    {"calloc", [](size_t size) { return calloc(1, size); }},
    {"calloc of bytes", [](size_t size) { return calloc(size, 1); }},
    {"realloc", [](size_t size) { return realloc(nullptr, size); }},
    {"reallocarray", [](size_t size) { return reallocarray(nullptr, 1, size); }},
    {"reallocarray of bytes", [](size_t size) { return reallocarray(nullptr, size, 1); }},
    {"memalign", [](size_t size) { return memalign(64, size); }},
    {"memalign to a page", [](size_t size) { return memalign(4096, size); }},
    {"aligned_alloc", [](size_t size) { return aligned_alloc(64, size); }},
    {"valloc", [](size_t size) { return valloc(size); }},
    {"pvalloc", [](size_t size) { return pvalloc(size); }},
    {"__libc_malloc", [](size_t size) { return __libc_malloc(size); }},
    {"__libc_calloc", [](size_t size) { return __libc_calloc(1, size); }},
    {"__libc_realloc", [](size_t size) { return __libc_realloc(nullptr, size); }},
    {"__libc_memalign", [](size_t size) { return __libc_memalign(64, size); }},
    {"__libc_valloc", [](size_t size) { return __libc_valloc(size); }},
    {"__libc_pvalloc", [](size_t size) { return __libc_pvalloc(size); }},
    {"new", [](size_t size) { return ::operator new(size, std::nothrow); }},
    {"new[]", [](size_t size) { return ::operator new[](size, std::nothrow); }},
    {"aligned new",
     [](size_t size) { return ::operator new (size, std::align_val_t{64}, std::nothrow); }},
    {"aligned new[]",
     [](size_t size) { return ::operator new[](size, std::align_val_t{64}, std::nothrow); }},
};

// Near each place where adding a header, a page or an alignment would wrap round.
std::vector<size_t> impossible_sizes() {
  std::vector<size_t> sizes;
  for (size_t less = 1; less <= size_t{1} << 21; less *= 2) {
    for (const size_t near : {less - 1, less, less + 1}) {
      sizes.push_back(kMaxSize - near);
      sizes.push_back(kTooLarge + near);
      // With 32 bits there may be room for these.
      sizes.push_back(sizeof(size_t) == 8 ? kTooLarge - near : kTooLarge);
    }
  }
  return sizes;
}

TEST(EveryFunction, ThatCannotAllocateReturnsNullAndSetsEnomem) {
  for (const auto& [name, allocate] : kAllocators) {
    if (!by_talc() && strstr(name, "aligned new") != nullptr) {
      continue;  // libstdc++ rounds the size up, and round to nothing
    }
    for (const size_t size : impossible_sizes()) {
      errno = EXDEV;
      EXPECT_EQ(allocate(opaque(size)), nullptr) << name << ' ' << size;
      EXPECT_EQ(errno, ENOMEM) << name << ' ' << size;
    }
  }
}

TEST(EveryFunction, ThatAllocatesLeavesErrnoAndAligns) {
  for (const auto& [name, allocate] : kAllocators) {
    for (const size_t size : kSizes) {
      errno = EXDEV;
      void* const block = allocate(size);
      EXPECT_EQ(errno, EXDEV) << name << ' ' << size;
      ASSERT_NE(block, nullptr) << name << ' ' << size;
      EXPECT_TRUE(is_aligned(block, 16)) << name << ' ' << size;
      EXPECT_GE(malloc_usable_size(block), size) << name;
      fill(block, 1, size);
      free(block);
    }
  }
}

// The product of two sizes wraps round to something small.
TEST(EveryFunction, ThatMultipliesNoticesOverflow) {
  const size_t half = opaque(size_t{1} << sizeof(size_t) * 4);
  void* const block = malloc(100);
  for (const auto& [count, size] : {std::pair<size_t, size_t>{half, half},
                                    {half, half + 1},
                                    {kMaxSize, 2},
                                    {kMaxSize / 3 + 1, 3},
                                    {kMaxSize, kMaxSize}}) {
    using Clear = void*(size_t, size_t);
    for (Clear* const clear : {static_cast<Clear*>(&calloc), &__libc_calloc}) {
      errno = EXDEV;
      EXPECT_EQ(clear(count, size), nullptr) << count << ' ' << size;
      EXPECT_EQ(errno, ENOMEM);
    }
    errno = EXDEV;
    EXPECT_EQ(reallocarray(opaque(block), count, size), nullptr) << count << ' ' << size;
    EXPECT_EQ(errno, ENOMEM);
  }
  free(block);
}

using Release = void(void*);

std::vector<std::pair<const char*, Release*>> releases() {
  std::vector<std::pair<const char*, Release*>> all = {
      {"free", [](void* block) { free(block); }},
      {"__libc_free", [](void* block) { __libc_free(block); }},
      {"realloc", [](void* block) { EXPECT_EQ(realloc(block, opaque(size_t{0})), nullptr); }},
      {"reallocarray",
       [](void* block) { EXPECT_EQ(reallocarray(block, opaque(size_t{0}), 8), nullptr); }},
      {"__libc_realloc",
       [](void* block) { EXPECT_EQ(__libc_realloc(block, opaque(size_t{0})), nullptr); }},
      {"delete", [](void* block) { ::operator delete(block); }},
      {"delete[]", [](void* block) { ::operator delete[](block); }},
      {"nothrow delete", [](void* block) { ::operator delete(block, std::nothrow); }},
  };
  if (by_talc()) {  // glibc has these for old programs only
    all.emplace_back("cfree", find<Release>("cfree"));
  }
  return all;
}

size_t bytes_in_use() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

// Whatever it costs: small blocks, and those that go back to the kernel. Really: with realloc to
// nothing, too, so many blocks must not pile up.
TEST(EveryFunction, ThatReleasesDoesSoAndLeavesErrno) {
  for (const auto& [name, release] : releases()) {
    ASSERT_NE(release, nullptr) << name;
    const size_t before = bytes_in_use();
    for (int round = 0; round < 100; ++round) {
      for (const size_t size : {size_t{100}, size_t{30000}, size_t{1} << 20, size_t{20} << 20}) {
        void* const block = malloc(size);
        fill(block, 1, 1);
        errno = EXDEV;
        release(block);
        EXPECT_EQ(errno, EXDEV) << name << ' ' << size;
      }
    }
    EXPECT_LT(bytes_in_use(), before + (size_t{8} << 20)) << name;
  }
}

// strdup and its kin are libc's own, and reach malloc as everybody does: were one of their blocks
// foreign, talc would say so and abort.
TEST(FromLibc, BlocksAreOfTheSameHeap) {
  std::vector<void*> blocks = {strdup("text"), strndup("text", 2), wcsdup(L"text"),
                               realpath("/", nullptr), getcwd(nullptr, 0)};
  char* printed = nullptr;
  ASSERT_EQ(asprintf(&printed, "%d", 17), 2);
  blocks.push_back(printed);
  char* memory = nullptr;
  size_t size = 0;
  fclose(open_memstream(&memory, &size));
  blocks.push_back(memory);
  for (void* const block : blocks) {
    ASSERT_NE(block, nullptr);
    EXPECT_GE(malloc_usable_size(block), 1U);
    free(block);
  }
}

}  // namespace
