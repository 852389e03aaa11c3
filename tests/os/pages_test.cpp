// Tests of os/pages.hpp against the real kernel: each primitive's promises, and errno left alone.
#include "talc/os/pages.hpp"

#include <errno.h>
#include <gtest/gtest.h>
#include <string.h>
#include <unistd.h>

namespace talc {
namespace {

bool is_zero(Span memory) {
  for (const char* at = memory.base; at < memory.acme; ++at) {
    if (*at != 0) {
      return false;
    }
  }
  return true;
}

class PagesTest : public testing::Test {
 protected:
  const size_t page_ = Pages::page_size();
};

TEST_F(PagesTest, PageSizeIsTheKernels) {
  EXPECT_EQ(page_, static_cast<size_t>(sysconf(_SC_PAGESIZE)));
  EXPECT_TRUE(is_power_of_two(page_));
}

TEST_F(PagesTest, MapsZeroedPagesAndUnmapsThem) {
  const Span pages = Span::from_base_size(Pages::map(nullptr, 4 * page_), 4 * page_);
  ASSERT_NE(pages.base, nullptr);
  EXPECT_TRUE(is_aligned(pages.base, page_));
  EXPECT_TRUE(is_zero(pages));
  memset(pages.base, 1, pages.size());
  EXPECT_TRUE(Pages::unmap(pages));
  EXPECT_EQ(Pages::resident_bytes(pages), 0U);
}

TEST_F(PagesTest, TakesAFreeHintAndNoTakenOne) {
  const Span wide = Span::from_base_size(Pages::map(nullptr, 4 * page_), 4 * page_);
  const Span upper(wide.base + 2 * page_, wide.acme);
  ASSERT_TRUE(Pages::unmap(upper));
  EXPECT_EQ(Pages::map(upper.base, upper.size()), upper.base);
  char* const elsewhere = Pages::map(upper.base, page_);
  EXPECT_NE(elsewhere, nullptr);
  EXPECT_FALSE(wide.contains(elsewhere));
  Pages::unmap(Span::from_base_size(elsewhere, page_));
  Pages::unmap(wide);
}

TEST_F(PagesTest, ResizesInPlace) {
  const Span wide = Span::from_base_size(Pages::map(nullptr, 8 * page_), 8 * page_);
  Span pages = Span::from_base_size(wide.base, 4 * page_);
  ASSERT_TRUE(Pages::resize_in_place(wide, pages.size()));
  memset(pages.base, 7, pages.size());
  ASSERT_TRUE(Pages::resize_in_place(pages, wide.size()));
  EXPECT_EQ(pages.acme[-1], 7);
  EXPECT_TRUE(is_zero(Span(pages.acme, wide.acme)));
  Pages::unmap(wide);
}

TEST_F(PagesTest, PopulatesWithoutTouchingContents) {
  const Span pages = Span::from_base_size(Pages::map(nullptr, 8 * page_), 8 * page_);
  pages.base[page_] = 5;
  const size_t before = Pages::populated_bytes();
  Pages::populate(Span(pages.base, pages.base + 4 * page_));
  const size_t resident = Pages::resident_bytes(pages);
  EXPECT_TRUE(resident == 4 * page_ || resident == page_) << resident;  // old kernels do nothing
  EXPECT_EQ(Pages::populated_bytes() - before, resident == page_ ? 0 : 4 * page_);
  EXPECT_EQ(pages.base[page_], 5);
  pages.base[page_] = 0;
  EXPECT_TRUE(is_zero(pages));
  Pages::unmap(pages);
}

TEST_F(PagesTest, DoesNotGrowIntoOthers) {
  const Span wide = Span::from_base_size(Pages::map(nullptr, 3 * page_), 3 * page_);
  const Span pages(wide.base, wide.base + page_);
  EXPECT_FALSE(Pages::resize_in_place(pages, 2 * page_));
  EXPECT_TRUE(is_zero(wide));
  Pages::unmap(wide);
}

TEST_F(PagesTest, MovesPagesWithoutCopying) {
  const Span wide = Span::from_base_size(Pages::map(nullptr, 3 * page_), 3 * page_);
  memset(wide.base, 9, page_);
  char* const moved = Pages::move(Span(wide.base, wide.base + page_), 64 * page_);
  ASSERT_NE(moved, nullptr);
  EXPECT_FALSE(wide.contains(moved));
  EXPECT_EQ(moved[page_ - 1], 9);
  EXPECT_EQ(moved[page_], 0);
  Pages::unmap(Span::from_base_size(moved, 64 * page_));
  Pages::unmap(Span(wide.base + page_, wide.acme));
}

TEST_F(PagesTest, PurgedPagesAreZeroAndNotResident) {
  const Span pages = Span::from_base_size(Pages::map(nullptr, 4 * page_), 4 * page_);
  memset(pages.base, 1, pages.size());
  EXPECT_EQ(Pages::resident_bytes(pages), 4 * page_);
  EXPECT_TRUE(Pages::purge(Span(pages.base, pages.base + 3 * page_)));
  EXPECT_EQ(Pages::resident_bytes(pages), page_);
  EXPECT_EQ(pages.base[0], 0);
  EXPECT_EQ(pages.acme[-1], 1);
  Pages::unmap(pages);
}

TEST_F(PagesTest, CountsResidentPagesBeyondOneCall) {
  const size_t bytes = 5000 * page_;
  const Span pages = Span::from_base_size(Pages::map(nullptr, bytes), bytes);
  ASSERT_NE(pages.base, nullptr);
  for (const size_t index : {size_t{0}, size_t{2047}, size_t{2048}, size_t{4999}}) {
    pages.base[index * page_] = 1;
  }
  // A huge page may have come with any of them.
  EXPECT_GE(Pages::resident_bytes(pages), 4 * page_);
  Pages::unmap(pages);
}

TEST_F(PagesTest, AlignsByTrimming) {
  for (size_t align = page_; align <= size_t{64} << 20; align *= 4) {
    char* const base = map_aligned<Pages>(3 * page_, align);
    ASSERT_NE(base, nullptr);
    EXPECT_TRUE(is_aligned(base, align));
    memset(base, 1, 3 * page_);
    EXPECT_TRUE(Pages::unmap(Span::from_base_size(base, 3 * page_)));
  }
}

TEST_F(PagesTest, AdviceOnHugePagesNeverFaults) {
  const size_t huge = size_t{2} << 20;
  char* const base = map_aligned<Pages>(4 * huge, huge);
  ASSERT_NE(base, nullptr);
  // Refused where the kernel has none; the memory is good in any case.
  (void)Pages::advise_huge(Span(base + huge, base + 3 * huge));
  memset(base, 1, 4 * huge);
  EXPECT_FALSE(Pages::advise_huge(Span(base + 1, base + huge)));
  EXPECT_TRUE(Pages::unmap(Span::from_base_size(base, 4 * huge)));
}

TEST_F(PagesTest, RefusalsAreSoftAndLeaveErrnoAlone) {
  errno = 1234;
  EXPECT_EQ(Pages::map(nullptr, ~size_t{0} & ~(page_ - 1)), nullptr);
  EXPECT_EQ(map_aligned<Pages>(~size_t{0} / 4 * 3 & ~(page_ - 1), size_t{1} << (kWordBits - 1)),
            nullptr);
  const Span pages = Span::from_base_size(Pages::map(nullptr, page_), page_);
  EXPECT_EQ(Pages::move(pages, ~size_t{0} & ~(page_ - 1)), nullptr);
  EXPECT_FALSE(Pages::unmap(Span(pages.base + 1, pages.acme)));
  EXPECT_FALSE(Pages::purge(Span(pages.base + 1, pages.acme)));
  EXPECT_TRUE(Pages::unmap(pages));
  EXPECT_FALSE(Pages::resize_in_place(pages, 2 * page_));
  EXPECT_EQ(errno, 1234);
}

TEST_F(PagesTest, CountsItsCallsByKind) {
  size_t before[Pages::kCallKinds];
  for (unsigned kind = 0; kind < Pages::kCallKinds; ++kind) {
    before[kind] = Pages::system_calls(static_cast<Pages::Call>(kind));
  }
  const size_t before_all = Pages::system_calls();
  const Span pages = Span::from_base_size(Pages::map(nullptr, 2 * page_), 2 * page_);
  Pages::purge(pages);
  Pages::purge(pages);
  Pages::set_accessible(pages, true);
  Pages::set_accessible(pages, true);
  Pages::set_accessible(pages, true);
  Pages::resident_bytes(pages);
  Pages::resize_in_place(pages, page_);  // by munmap
  Pages::resize_in_place(Span::from_base_size(pages.base, page_), 2 * page_);
  Pages::unmap(pages);
  const size_t expected[] = {1, 2, 1, 2, 3, 1};
  for (unsigned kind = 0; kind < Pages::kCallKinds; ++kind) {
    EXPECT_EQ(Pages::system_calls(static_cast<Pages::Call>(kind)) - before[kind], expected[kind])
        << kind;
  }
  EXPECT_EQ(Pages::system_calls() - before_all, 10U);
}

TEST_F(PagesTest, CountsWhatItAdvised) {
  const size_t huge = size_t{2} << 20;
  char* const base = map_aligned<Pages>(4 * huge, huge);
  ASSERT_NE(base, nullptr);
  const size_t before = Pages::advised_bytes();
  const bool has_huge = Pages::advise_huge(Span(base, base + 3 * huge));
  EXPECT_EQ(Pages::advised_bytes() - before, has_huge ? 3 * huge : 0);
  EXPECT_FALSE(Pages::advise_huge(Span(base + 1, base + huge)));
  EXPECT_EQ(Pages::advised_bytes() - before, has_huge ? 3 * huge : 0);
  EXPECT_TRUE(Pages::unmap(Span::from_base_size(base, 4 * huge)));
}

// For this process as a whole: it is told again that it may.
TEST_F(PagesTest, ForbidsHugePagesAndAllowsThemAgain) {
  errno = 77;
  if (Pages::forbid_huge(true)) {
    EXPECT_EQ(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0), 1);
    EXPECT_TRUE(Pages::forbid_huge(false));
    EXPECT_EQ(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0), 0);
  }
  EXPECT_EQ(errno, 77);
}

}  // namespace
}  // namespace talc
