// Tests of core/chunk.hpp: sizes of chunks, tags, and how a tag is found from a pointer and a size.
#include "talc/core/chunk.hpp"

#include <gtest/gtest.h>

namespace talc {
namespace {

static_assert(kMinChunkSize == 3 * kWordSize && kTagSize == kWordSize);
static_assert(sizeof(Gap) == kMinChunkSize, "the header of a gap fills the smallest one");
static_assert(chunk_size_for(0) == kMinChunkSize);
static_assert(chunk_size_for(2 * kWordSize) == kMinChunkSize);
static_assert(chunk_size_for(2 * kWordSize + 1) == 4 * kWordSize);
static_assert(chunk_size_for(3 * kWordSize) == 4 * kWordSize);
static_assert(chunk_size_for(kMaxRequest) > kMaxRequest, "the largest request overflows nothing");

constexpr size_t kWords = 16;

TEST(Chunk, HasRoomForThePayloadAndItsTagAndNoWordMore) {
  for (size_t size = 0; size < 10000; ++size) {
    const size_t chunk = chunk_size_for(size);
    ASSERT_TRUE(is_aligned(chunk, kWordSize)) << size;
    ASSERT_GE(chunk, size + kTagSize);
    ASSERT_TRUE(chunk == kMinChunkSize || chunk < size + kTagSize + kWordSize) << size;
  }
}

TEST(Chunk, TagsHoldABaseAndTwoFlags) {
  alignas(size_t) char memory[kWords * kWordSize];
  char* const base = memory + 2 * kWordSize;
  for (const size_t flags : {size_t{0}, tag::kGapAbove}) {
    const size_t word = tag::make(base, flags);
    EXPECT_EQ(tag::base(word), base);
    EXPECT_TRUE(tag::is_allocated(word));
    EXPECT_EQ(tag::has_gap_above(word), flags != 0);
  }
}

TEST(Chunk, AGapIsNoTag) {
  alignas(size_t) char memory[kWords * kWordSize];
  for (size_t words = 3; words <= kWords; ++words) {
    set_gap_size(memory, words * kWordSize);
    Gap* const gap = gap_at(memory);
    EXPECT_EQ(gap->size, words * kWordSize);
    EXPECT_EQ(gap->base(), memory);
    char* const acme = memory + words * kWordSize;
    EXPECT_EQ(gap->acme(), acme);
    const size_t last = word_at(acme - kWordSize);
    EXPECT_EQ(last, gap->size);
    EXPECT_FALSE(tag::is_allocated(last));
  }
}

// Slack: what the chunk is larger than it had to be, above the payload and below it.
TEST(Chunk, TheTagIsFoundWhateverTheSlack) {
  alignas(size_t) char memory[kWords * kWordSize];
  for (size_t size = 0; size <= 4 * kWordSize; ++size) {
    for (const size_t above : {size_t{0}, kWordSize, 2 * kWordSize}) {
      for (const size_t below : {size_t{0}, kWordSize, 2 * kWordSize}) {
        char* const payload = memory + below;
        char* const acme = payload + chunk_size_for(size) + above;
        write_tag(memory, acme, payload, size, tag::kGapAbove);
        EXPECT_EQ(tag_of(payload, size), acme - kTagSize) << size << '+' << above;
        EXPECT_EQ(word_at(acme - kTagSize), tag::make(memory, tag::kGapAbove));
        EXPECT_GE(tag_slot(payload, size), payload + size) << "it overlaps the payload";
      }
    }
  }
}

}  // namespace
}  // namespace talc
