// What a program may ask malloc about itself. See served.hpp.
#include <limits.h>
#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

#include <memory>
#include <regex>
#include <string>
#include <vector>

#include "served.hpp"

namespace {

using namespace served;

TEST(MallocUsableSize, OfNullIsNone) { EXPECT_EQ(malloc_usable_size(nullptr), 0U); }

TEST(MallocUsableSize, IsAtLeastWhatWasAskedForAndStays) {
  for (const size_t size : kSizes) {
    void* const block = malloc(size);
    const size_t usable = malloc_usable_size(block);
    EXPECT_GE(usable, size);
    fill(block, 0xee, usable);
    void* const neighbour = malloc(size);
    fill(neighbour, 0xdd, malloc_usable_size(neighbour));
    EXPECT_EQ(malloc_usable_size(block), usable);
    EXPECT_TRUE(is_filled(block, 0xee, usable)) << size;
    free(neighbour);
    EXPECT_EQ(malloc_usable_size(block), usable);
    free(block);
  }
}

TEST(Mallinfo, SeesWhatIsAllocated) {
  // Beside the blocks: metadata, of which a leaf of the page map is a mebibyte. Where heaps are put at
  // random, each may be the first in its part of the address space.
  const size_t kMaxMetadata = 5'000'000;
  const struct mallinfo2 before = mallinfo2();
  EXPECT_GT(before.arena + before.hblkhd, 0U);
  std::vector<void*> blocks;
  for (int i = 0; i < 10000; ++i) {
    blocks.push_back(malloc(1000));
  }
  const struct mallinfo2 during = mallinfo2();
  EXPECT_GE(during.uordblks, before.uordblks + 10'000'000);
  EXPECT_LE(during.uordblks, before.uordblks + 10'000'000 + kMaxMetadata);
  EXPECT_GE(during.arena, during.uordblks);
  EXPECT_LE(during.uordblks + during.fordblks, during.arena);
  for (void* const block : blocks) {
    free(block);
  }
  const struct mallinfo2 after = mallinfo2();
  EXPECT_LE(after.uordblks, before.uordblks + kMaxMetadata);
}

TEST(Mallinfo, SeesBlocksWithAMappingOfTheirOwn) {
  const struct mallinfo2 before = mallinfo2();
  void* const block = malloc(size_t{100} << 20);
  const struct mallinfo2 during = mallinfo2();
  EXPECT_EQ(during.hblks, before.hblks + 1);
  EXPECT_GE(during.hblkhd, before.hblkhd + (size_t{100} << 20));
  free(block);
  EXPECT_EQ(mallinfo2().hblks, before.hblks);
}

TEST(Mallinfo, OfTheOldKindIsTheSame) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  const struct mallinfo old = mallinfo();
  const struct mallinfo2 now = mallinfo2();
  EXPECT_EQ(static_cast<size_t>(old.uordblks), now.uordblks);
  EXPECT_EQ(static_cast<size_t>(old.arena), now.arena);
  if (by_talc() && sizeof(size_t) == 8) {  // glibc's wraps around
    void* const block = malloc(size_t{5} << 30);
    EXPECT_EQ(mallinfo().hblkhd, INT_MAX);
    free(block);
  }
#pragma GCC diagnostic pop
}

TEST(MallocTrim, GivesBackAndTellsWhether) {
  std::vector<void*> blocks;
  for (int i = 0; i < 2000; ++i) {
    blocks.push_back(malloc(100'000));
    fill(blocks.back(), 1, 100'000);
  }
  void* const last = malloc(100);
  for (void* const block : blocks) {
    free(block);
  }
  errno = EXDEV;
  EXPECT_EQ(malloc_trim(0), 1);
  EXPECT_EQ(errno, EXDEV);
  free(last);
}

TEST(Mallopt, TakesAdvice) {
  for (const int parameter :
       {M_MXFAST, M_NLBLKS, M_GRAIN, M_KEEP, M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD,
        M_MMAP_MAX, M_CHECK_ACTION, M_ARENA_TEST, M_ARENA_MAX}) {
    EXPECT_EQ(mallopt(parameter, 64), 1) << parameter;
  }
  EXPECT_EQ(mallopt(M_PERTURB, 0), 1);
}

TEST(Mallopt, RefusesWhatItCannotDo) {
  ONLY_UNDER_TALC();
  EXPECT_EQ(mallopt(M_PERTURB, 0xa5), 0);
  EXPECT_EQ(mallopt(12345, 1), 0);
}

std::string malloc_info_text() {
  char* text = nullptr;
  size_t size = 0;
  FILE* const stream = open_memstream(&text, &size);
  EXPECT_EQ(malloc_info(0, stream), 0);
  fclose(stream);
  const std::string result(text, size);
  free(text);
  return result;
}

TEST(MallocInfo, IsXml) {
  const std::string xml = malloc_info_text();
  EXPECT_EQ(xml.find("<malloc version=\"1\">\n"), 0U) << xml;
  EXPECT_EQ(xml.substr(xml.size() - 10), "</malloc>\n");
  // Every tag that opens closes, in order.
  std::vector<std::string> open;
  const std::regex tag("<(/?)([a-z]+)[^>]*?(/?)>");
  for (std::sregex_iterator at(xml.begin(), xml.end(), tag), end; at != end; ++at) {
    if ((*at)[1].length() != 0) {
      ASSERT_FALSE(open.empty());
      EXPECT_EQ(open.back(), (*at)[2]);
      open.pop_back();
    } else if ((*at)[3].length() == 0) {
      open.push_back((*at)[2]);
    }
  }
  EXPECT_TRUE(open.empty());
  EXPECT_NE(xml.find("<heap nr=\"0\">"), std::string::npos);
  EXPECT_NE(xml.find("<total type=\"mmap\""), std::string::npos);
}

TEST(MallocInfo, KnowsNoOptions) { EXPECT_EQ(malloc_info(1, stdout), EINVAL); }

TEST(MallocStats, GoesToStandardError) {
  testing::internal::CaptureStderr();
  errno = EXDEV;
  malloc_stats();
  fflush(stderr);
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_NE(text.find(by_talc() ? "talc: " : "Arena 0:"), std::string::npos) << text;
}

}  // namespace
