// Tests of stats/counters_table.hpp: the whole table, through a buffer and through a sink.
#include "talc/stats/counters_table.hpp"

#include <gtest/gtest.h>
#include <stdint.h>

#include <string>

namespace talc {
namespace {

constexpr Counters kCounters = {
    .live_allocations = 3,
    .total_allocations = 17,
    .live_bytes = 100,
    .total_bytes = 2000,
    .available_bytes = 5000,
    .gap_count = 2,
    .heap_count = 1,
    .total_heaps = 4,
    .claimed_bytes = 10000,
    .total_claimed_bytes = 40000,
};

constexpr const char* kTable =
    "statistic          |              running |          accumulated\n"
    "-------------------+----------------------+---------------------\n"
    "allocations        |                    3 |                   17\n"
    "allocated bytes    |                  100 |                 2000\n"
    "available bytes    |                 5000 |                    -\n"
    "gaps               |                    2 |                    -\n"
    "heaps              |                    1 |                    4\n"
    "claimed bytes      |                10000 |                40000\n"
    "overhead bytes     |                 4900 |                    -\n"
    "freed allocations  |                    - |                   14\n"
    "freed bytes        |                    - |                 1900\n"
    "released heaps     |                    - |                    3\n"
    "released bytes     |                    - |                30000\n";

TEST(CountersTable, FillsABuffer) {
  char buffer[2000];
  TextWriter out(buffer);
  print_counters(out, kCounters);
  EXPECT_EQ(std::string(out.data(), out.size()), kTable);
  EXPECT_FALSE(out.is_truncated());
}

TEST(CountersTable, PassesThroughASink) {
  std::string text;
  print_counters(TextSink{[](void* to, const char* piece, size_t size) {
                            static_cast<std::string*>(to)->append(piece, size);
                          },
                          &text},
                 kCounters);
  EXPECT_EQ(text, kTable);
}

TEST(CountersTable, LargestValuesKeepTheColumns) {
  Counters counters{};
  counters.live_bytes = SIZE_MAX;
  counters.total_bytes = SIZE_MAX;
  counters.claimed_bytes = SIZE_MAX;
  char buffer[2000];
  TextWriter out(buffer);
  print_counters(out, counters);
  const std::string text(out.data(), out.size());
  const size_t width = text.find('\n');
  for (size_t line = 0; line < text.size(); line += width + 1) {
    ASSERT_EQ(text[line + width], '\n') << text;
  }
  const std::string most = std::to_string(SIZE_MAX);
  const std::string padded = std::string(20 - most.size(), ' ') + most;
  EXPECT_NE(text.find(padded + " | " + padded), std::string::npos);
}

}  // namespace
}  // namespace talc
