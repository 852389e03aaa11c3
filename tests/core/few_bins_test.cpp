// Tests of core/few_bins.hpp: a list for each power of two, that follows when it moves.
#include "talc/core/few_bins.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "core/test_memory.hpp"

namespace talc {
namespace {

using TheBins = FewBins<>;

std::vector<Gap*> gaps_of(const TheBins& bins, unsigned bin) {
  std::vector<Gap*> gaps;
  for (Gap* gap = bins.first(bin); gap != TheBins::end(); gap = gap->next) {
    EXPECT_TRUE(TheBins::is_linked(gap));
    gaps.push_back(gap);
  }
  return gaps;
}

TEST(FewBins, HaveABinForEachDoubling) {
  for (unsigned log = 4; log < TheBins::count(); ++log) {
    EXPECT_EQ(TheBins::index(size_t{1} << log), log);
    EXPECT_EQ(TheBins::index((size_t{2} << log) - 1), log);
  }
}

TEST(FewBins, GiveBackWhatWasPutIn) {
  const TestMemory memory(4096);
  char* const base = memory.base();
  TheBins bins;
  bins.insert(base, 64);
  bins.insert(base + 128, 96);
  bins.insert(base + 256, 72);
  bins.insert(base + 512, 128);
  EXPECT_EQ(gaps_of(bins, 6),
            (std::vector<Gap*>{gap_at(base + 256), gap_at(base + 128), gap_at(base)}));
  EXPECT_EQ(gaps_of(bins, 7), std::vector<Gap*>{gap_at(base + 512)});
  EXPECT_EQ(gap_at(base + 128)->size, 96U);
  EXPECT_EQ(word_at(base + 128 + 96 - kWordSize), 96U);

  bins.remove(gap_at(base + 128));
  EXPECT_EQ(gaps_of(bins, 6), (std::vector<Gap*>{gap_at(base + 256), gap_at(base)}));
  bins.remove(gap_at(base + 256));
  bins.remove(gap_at(base));
  EXPECT_FALSE(bins.is_occupied(6));
  EXPECT_TRUE(bins.is_occupied(7));
}

TEST(FewBins, MoveWithTheirGaps) {
  const TestMemory memory(4096);
  char* const base = memory.base();
  TheBins old;
  old.insert(base, 64);
  old.insert(base + 128, 96);
  old.insert(base + 512, 1024);
  TheBins bins(std::move(old));
  for (unsigned bin = 0; bin < TheBins::count(); ++bin) {
    EXPECT_FALSE(old.is_occupied(bin));  // NOLINT: what it left is the question
  }
  EXPECT_EQ(gaps_of(bins, 6), (std::vector<Gap*>{gap_at(base + 128), gap_at(base)}));
  EXPECT_EQ(gaps_of(bins, 10), std::vector<Gap*>{gap_at(base + 512)});
  bins.remove(gap_at(base + 512));
  EXPECT_FALSE(bins.is_occupied(10));
}

}  // namespace
}  // namespace talc
