// LargePages: a kernel with pages of 16 or 64 KiB, played on one with smaller ones.
//
// It gives only what such a kernel would give, and checks that it is asked only for what such a kernel
// would do: whole pages at whole pages.
#pragma once

#include <sys/mman.h>

#include <gtest/gtest.h>

#include "talc/os/pages.hpp"

namespace talc {

template <size_t kPageSize>
class LargePages : public Pages {
 public:
  static size_t page_size() { return kPageSize; }

  static char* map(char* hint, size_t size_bytes) {
    expect_pages(hint, size_bytes);
    char* const hinted = hint == nullptr ? nullptr : Pages::map(hint, size_bytes);
    if (hinted == hint && hint != nullptr) {
      return hinted;
    }
    if (hinted != nullptr) {
      Pages::unmap(Span::from_base_size(hinted, size_bytes));
    }
    return map_aligned<Pages>(size_bytes, kPageSize);
  }
  static bool unmap(Span pages) {
    expect_pages(pages.base, pages.size());
    return Pages::unmap(pages);
  }
  static bool resize_in_place(Span pages, size_t new_size_bytes) {
    expect_pages(pages.base, pages.size() | new_size_bytes);
    return Pages::resize_in_place(pages, new_size_bytes);
  }
  static char* move(Span pages, size_t new_size_bytes) {
    expect_pages(pages.base, pages.size() | new_size_bytes);
    char* const target = map(nullptr, new_size_bytes);
    return target == nullptr ? nullptr
                             : static_cast<char*>(::mremap(pages.base, pages.size(), new_size_bytes,
                                                           MREMAP_MAYMOVE | MREMAP_FIXED, target));
  }
  static bool purge(Span pages) {
    expect_pages(pages.base, pages.size());
    return Pages::purge(pages);
  }

 private:
  static void expect_pages(const void* base, size_t size_bytes) {
    EXPECT_TRUE(is_aligned(base, kPageSize));
    EXPECT_TRUE(is_aligned(size_bytes, kPageSize));
  }
};

}  // namespace talc
