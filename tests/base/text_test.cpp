// Tests of base/text.hpp: numbers, columns, the end of the buffer, the sink.
#include "talc/base/text.hpp"

#include <gtest/gtest.h>
#include <inttypes.h>
#include <stdio.h>

#include <string>
#include <vector>

namespace talc {
namespace {

std::string written(const TextWriter& out) { return std::string(out.data(), out.size()); }

std::string formatted(const char* format, uint64_t value) {
  char text[32];
  snprintf(text, sizeof text, format, value);
  return text;
}

void expect_number(uint64_t value) {
  char buffer[64];
  TextWriter decimal(buffer);
  EXPECT_EQ(written(decimal.decimal(value)), formatted("%" PRIu64, value));
  TextWriter hex(buffer);
  EXPECT_EQ(written(hex.hex(value)), formatted("0x%" PRIx64, value));
  TextWriter padded(buffer);
  EXPECT_EQ(written(padded.decimal(value, 12)), formatted("%12" PRIu64, value));
}

TEST(Text, Numbers) {
  for (uint64_t value = 0; value < 2000; ++value) {
    expect_number(value);
  }
  uint64_t power = 1;
  for (int digits = 1; digits < 20; ++digits) {
    power *= 10;
    expect_number(power - 1);
    expect_number(power);
    expect_number(power + 1);
    expect_number(power * 9 / 10 * 2);
  }
  for (unsigned bit = 0; bit < 64; ++bit) {
    expect_number(uint64_t{1} << bit);
    expect_number(UINT64_MAX >> bit);
  }
}

TEST(Text, Columns) {
  char buffer[64];
  TextWriter out(buffer);
  out.text_left("ab", 4).character('|').text_right("cd", 4).repeat('-', 3).text_left("long", 2);
  out.text_right("long", 3).pointer(nullptr);
  EXPECT_EQ(written(out), "ab  |  cd---longlong0x0");
  EXPECT_FALSE(out.is_truncated());
}

TEST(Text, DropsWhatDoesNotFitAndSaysSo) {
  char buffer[5] = {'#', '#', '#', '#', '#'};
  TextWriter out(buffer, 4);
  out.text("abcd");
  EXPECT_FALSE(out.is_truncated());
  out.text("ef");
  EXPECT_TRUE(out.is_truncated());
  EXPECT_EQ(written(out), "abcd");
  EXPECT_EQ(buffer[4], '#');
  out.flush();
  EXPECT_EQ(written(out), "abcd") << "nothing takes the text without a sink";
}

struct Pieces {
  std::vector<std::string> pieces;
  TextSink sink() {
    return {[](void* self, const char* text, size_t size) {
              static_cast<Pieces*>(self)->pieces.emplace_back(text, size);
            },
            this};
  }
};

TEST(Text, SinkTakesWhatIsFullAndWhatIsFlushed) {
  Pieces taken;
  char buffer[4];
  TextWriter out(buffer, taken.sink());
  out.text("abcdefghij");
  EXPECT_EQ(taken.pieces, (std::vector<std::string>{"abcd", "efgh"}));
  out.flush();
  out.flush();
  EXPECT_EQ(taken.pieces, (std::vector<std::string>{"abcd", "efgh", "ij"}));
  EXPECT_EQ(out.size(), 0U);
  EXPECT_FALSE(out.is_truncated());
}

TEST(Text, EmptyBufferWithASinkIsTruncatedNotLooping) {
  Pieces taken;
  TextWriter out(nullptr, 0, taken.sink());
  out.text("x");
  EXPECT_TRUE(out.is_truncated());
  EXPECT_TRUE(taken.pieces.empty());
}

}  // namespace
}  // namespace talc
