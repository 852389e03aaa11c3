// Tests of base/memory.hpp: words in memory of other types, block operations, placement.
#include "talc/base/memory.hpp"

#include <gtest/gtest.h>

namespace talc {
namespace {

TEST(Memory, WordsLiveInMemoryOfAnyType) {
  double number = 1.5;
  static_assert(sizeof number >= sizeof(size_t));
  store_word(&number, 42);
  EXPECT_EQ(load_word(&number), 42U);
  number = 0.0;
  EXPECT_EQ(load_word(&number), 0U);
}

TEST(Memory, PointersComeBack) {
  alignas(char*) char memory[sizeof(char*)];
  char target = 'x';
  store_pointer(memory, &target);
  EXPECT_EQ(load_pointer(memory), &target);
  EXPECT_EQ(load_word(memory), address_of(&target));
}

TEST(Memory, BlockOperations) {
  char text[] = "0123456789";
  char copy[sizeof text];
  copy_bytes(copy, text, sizeof text);
  EXPECT_STREQ(copy, "0123456789");
  zero_bytes(copy + 1, 3);
  EXPECT_EQ(copy[0], '0');
  EXPECT_EQ(copy[1] + copy[2] + copy[3], 0);
  EXPECT_EQ(copy[4], '4');
  zero_bytes(nullptr, 0);
}

TEST(Memory, MoveSelectsTheMovingConstructor) {
  struct Probe {
    bool was_moved = false;
    Probe() = default;
    Probe(const Probe&) {}
    Probe(Probe&&) noexcept : was_moved(true) {}
  };
  Probe probe;
  EXPECT_TRUE(Probe(talc::move(probe)).was_moved);
  EXPECT_FALSE(Probe(probe).was_moved);
}

TEST(Memory, PlacementConstructsWhereItIsTold) {
  struct Pair {
    int first;
    int second;
  };
  alignas(Pair) char memory[sizeof(Pair)];
  Pair* const pair = new (kPlacement, memory) Pair{3, 4};
  EXPECT_EQ(static_cast<void*>(pair), static_cast<void*>(memory));
  EXPECT_EQ(pair->first, 3);
  EXPECT_EQ(pair->second, 4);
}

}  // namespace
}  // namespace talc
