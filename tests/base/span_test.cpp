// Tests of base/span.hpp. The algebra is checked against sets of addresses in a small universe.
#include "talc/base/span.hpp"

#include <gtest/gtest.h>
#include <stdint.h>

#include <bitset>
#include <numeric>
#include <string>
#include <vector>

namespace talc {
namespace {

alignas(64) char memory[64];
constexpr size_t kUniverse = 12;
using Set = std::bitset<kUniverse>;

char* at(size_t index) { return memory + 16 + index; }

char* address(size_t value) { return reinterpret_cast<char*>(value); }

Set set_of(Span span) {
  Set set;
  for (size_t i = 0; i < kUniverse; ++i) {
    set[i] = span.contains(at(i));
  }
  return set;
}

// Every span of the universe, the reversed ones, which are empty, included.
std::vector<Span> all_spans() {
  std::vector<Span> spans;
  for (size_t base = 0; base <= kUniverse; ++base) {
    for (size_t acme = 0; acme <= kUniverse; ++acme) {
      spans.emplace_back(at(base), at(acme));
    }
  }
  return spans;
}

std::string printed(Span span) {
  char buffer[80];
  TextWriter out(buffer);
  span.print(out);
  return std::string(out.data(), out.size());
}

TEST(Span, SizeAndEmptiness) {
  for (const Span span : all_spans()) {
    EXPECT_EQ(span.size(), set_of(span).count());
    EXPECT_EQ(span.is_empty(), set_of(span).none());
    EXPECT_NE(span.is_empty(), span.is_sized());
  }
  EXPECT_TRUE(Span().is_empty());
}

TEST(Span, EmptiesAreEqualWhereverTheyAre) {
  EXPECT_EQ(Span(), Span(at(3), at(3)));
  EXPECT_EQ(Span(at(9), at(3)), Span(at(1), at(1)));
  EXPECT_FALSE(Span(at(1), at(2)) == Span());
  EXPECT_FALSE(Span() == Span(at(1), at(2)));
  EXPECT_FALSE(Span(at(1), at(2)) == Span(at(1), at(3)));
  EXPECT_FALSE(Span(at(1), at(3)) == Span(at(2), at(3)));
  EXPECT_EQ(Span(at(1), at(3)), Span(at(1), at(3)));
}

TEST(Span, FromBaseAndSize) {
  EXPECT_EQ(Span::from_base_size(at(1), 4), Span(at(1), at(5)));
  EXPECT_TRUE(Span::from_base_size(at(1), 0).is_empty());
  EXPECT_EQ(Span::from_base_size(address(SIZE_MAX - 9), 9).size(), 9U);
  EXPECT_TRUE(Span::from_base_size(address(SIZE_MAX - 9), 10).is_empty()) << "would overflow";
  EXPECT_TRUE(Span::from_base_size(at(1), SIZE_MAX).is_empty()) << "would overflow";
}

TEST(Span, FromSlicesAndArrays) {
  int numbers[5];
  char* const first = reinterpret_cast<char*>(numbers);
  EXPECT_EQ(Span::from_array(numbers), Span(first, first + sizeof numbers));
  EXPECT_EQ(Span::from_slice(numbers + 1, 2), Span(first + 4, first + 12));
  EXPECT_EQ(Span::from_slice(memory, 8), Span(memory, memory + 8));
  EXPECT_TRUE(Span::from_slice(numbers, 0).is_empty());
}

constinit char constant_memory[100] = {};
constexpr Span kConstant = Span::from_array(constant_memory);
static_assert(kConstant.size() == 100 && kConstant.is_sized());
static_assert(kConstant.truncate(10, 20).size() == 70);
static_assert(kConstant.truncate(10, 20).extend(5, 5).size() == 80);
static_assert(kConstant.above(constant_memory + 60).below(constant_memory + 70).size() == 10);
static_assert(kConstant.contains(constant_memory) && !kConstant.contains(constant_memory + 100));
static_assert(kConstant.contains_span(Span()) && !Span().contains_span(kConstant));
static_assert(Span() == Span(constant_memory, constant_memory));

TEST(Span, ConstantsHoldAtRunTimeToo) {
  EXPECT_EQ(kConstant, Span::from_slice(constant_memory, 100));
}

TEST(Span, BoundsRangeAndSlice) {
  const Span span(at(2), at(6));
  const BaseAcme bounds = span.get_base_acme();
  ASSERT_TRUE(bounds);
  EXPECT_EQ(bounds.base, at(2));
  EXPECT_EQ(bounds.acme, at(6));
  for (char& byte : span.to_ptr_range()) {
    byte = 1;
  }
  const Slice slice = span.to_slice();
  EXPECT_EQ(slice.size, 4U);
  EXPECT_EQ(&slice[3], at(5));
  EXPECT_EQ(std::accumulate(slice.begin(), slice.end(), 0), 4);

  const Span empty(at(6), at(2));
  EXPECT_FALSE(empty.get_base_acme());
  EXPECT_EQ(empty.to_ptr_range().first, nullptr);
  EXPECT_EQ(empty.to_ptr_range().last, nullptr);
  EXPECT_EQ(empty.to_slice().data, nullptr);
  EXPECT_EQ(empty.to_slice().size, 0U);
}

TEST(Span, ContainmentAndOverlapAreThoseOfSets) {
  for (const Span a : all_spans()) {
    for (const Span b : all_spans()) {
      const Set common = set_of(a) & set_of(b);
      EXPECT_EQ(a.contains_span(b), common == set_of(b));
      EXPECT_EQ(a.overlaps(b), common.any());
      EXPECT_EQ(set_of(a.fit_within(b)), common);
      EXPECT_EQ(a == b, set_of(a) == set_of(b));
    }
  }
}

TEST(Span, FitOverIsTheLeastSpanThatContainsBoth) {
  for (const Span a : all_spans()) {
    for (const Span b : all_spans()) {
      const Span hull = a.fit_over(b);
      EXPECT_TRUE(hull.contains_span(a));
      EXPECT_TRUE(hull.contains_span(b));
      const Set both = set_of(a) | set_of(b);
      EXPECT_EQ(hull.is_empty(), both.none());
      if (hull.is_sized()) {
        EXPECT_TRUE(both[static_cast<size_t>(hull.base - at(0))]);
        EXPECT_TRUE(both[static_cast<size_t>(hull.acme - at(0)) - 1]);
      }
    }
  }
}

TEST(Span, AboveBelowAndExceptDivideIt) {
  for (const Span span : all_spans()) {
    for (size_t i = 0; i <= kUniverse; ++i) {
      EXPECT_EQ(set_of(span.above(at(i))), (set_of(span) >> i) << i);
      EXPECT_EQ(set_of(span.below(at(i))) | set_of(span.above(at(i))), set_of(span));
      EXPECT_FALSE(span.below(at(i)).overlaps(span.above(at(i))));
    }
    for (const Span excluded : all_spans()) {
      const SpanPair rest = span.except(excluded);
      EXPECT_EQ(set_of(rest.below) | set_of(rest.above), set_of(span) & ~set_of(excluded));
      EXPECT_FALSE(rest.below.overlaps(rest.above));
    }
  }
  const SpanPair rest = Span(at(2), at(9)).except(Span(at(4), at(6)));
  EXPECT_EQ(rest.below, Span(at(2), at(4)));
  EXPECT_EQ(rest.above, Span(at(6), at(9)));
  EXPECT_EQ(Span(at(2), at(9)).except(Span()).below, Span(at(2), at(9)));
}

TEST(Span, ExtendAndTruncateUndoEachOther) {
  const Span span(at(4), at(7));
  EXPECT_EQ(span.extend(2, 3), Span(at(2), at(10)));
  EXPECT_EQ(span.extend(2, 3).truncate(2, 3), span);
  EXPECT_EQ(span.truncate(1, 1), Span(at(5), at(6)));
  EXPECT_TRUE(span.truncate(2, 1).is_empty());
  EXPECT_TRUE(span.truncate(3, 0).is_empty());
  EXPECT_TRUE(span.truncate(SIZE_MAX, SIZE_MAX).is_empty());
  EXPECT_TRUE(Span().truncate(0, 0).is_empty());
  EXPECT_TRUE(Span(at(5), at(5)).extend(3, 3).is_empty()) << "an empty span has no place";
}

TEST(Span, ExtendStopsAtTheEndsOfTheAddressSpace) {
  const Span high(address(SIZE_MAX - 100), address(SIZE_MAX - 50));
  EXPECT_EQ(high.extend(0, SIZE_MAX).acme, address(SIZE_MAX));
  EXPECT_EQ(high.extend(0, 50).acme, address(SIZE_MAX));
  const Span low(address(100), address(200));
  EXPECT_EQ(low.extend(99, 0).base, address(1));
}

TEST(Span, WordAlignmentInwardKeepsWholeWords) {
  for (size_t base = 0; base <= 2 * kWordSize; ++base) {
    for (size_t acme = 0; acme <= 4 * kWordSize; ++acme) {
      const Span span(memory + base, memory + acme);
      const Span aligned = span.word_align_inward();
      EXPECT_TRUE(span.contains_span(aligned));
      EXPECT_EQ(aligned.size() % kWordSize, 0U);
      const size_t first = align_up(base, kWordSize);
      const size_t last = align_down(acme, kWordSize);
      EXPECT_EQ(aligned, first < last ? Span(memory + first, memory + last) : Span());
    }
  }
}

TEST(Span, WordAlignmentOutwardCoversTouchedWords) {
  for (size_t base = 0; base <= 2 * kWordSize; ++base) {
    for (size_t acme = 0; acme <= 4 * kWordSize; ++acme) {
      const Span aligned = Span(memory + base, memory + acme).word_align_outward();
      const Span expected(memory + align_down(base, kWordSize), memory + align_up(acme, kWordSize));
      EXPECT_EQ(aligned, base < acme ? expected : Span());
    }
  }
}

TEST(Span, WordAlignmentAtTheEndOfTheAddressSpace) {
  const Span last_word(address(SIZE_MAX - 3), address(SIZE_MAX));
  EXPECT_TRUE(last_word.word_align_inward().is_empty());
  EXPECT_EQ(last_word.word_align_outward(),
            Span(address(SIZE_MAX - (kWordSize - 1)), address(SIZE_MAX)));
}

TEST(Span, Printing) {
  EXPECT_EQ(printed(Span(address(0x1000), address(0x2000))), "0x1000..[4096]..0x2000");
  EXPECT_EQ(printed(Span(address(0x2000), address(0x1000))), "empty span");
}

}  // namespace
}  // namespace talc
