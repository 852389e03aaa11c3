// Tests of front/outbox.hpp: what is posted goes once, and what may not go stays in order.
#include "talc/front/outbox.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace talc {
namespace {

void* block(size_t number) { return reinterpret_cast<void*>(number * 16); }

// May hold as much as there can be.
struct Unlimited : Outbox {
  Unlimited() { set_limit(kMaxBytes); }
};

std::vector<void*> blocks_in(const Outbox& outbox) {
  std::vector<void*> blocks;
  for (unsigned i = 0; i < outbox.count(); ++i) {
    blocks.push_back(outbox.block(i));
  }
  return blocks;
}

TEST(Outbox, IsFullByCountOrByBytes) {
  Unlimited many;
  for (unsigned i = 1; i < Outbox::kSlots; ++i) {
    EXPECT_FALSE(many.post(block(i), 16));
  }
  EXPECT_TRUE(many.post(block(Outbox::kSlots), 16));
  Unlimited large;
  for (size_t bytes = Outbox::kMaxSize; bytes < Outbox::kMaxBytes; bytes += Outbox::kMaxSize) {
    EXPECT_FALSE(large.post(block(1), Outbox::kMaxSize));
  }
  EXPECT_TRUE(large.post(block(2), Outbox::kMaxSize));
}

TEST(Outbox, IsFullAtItsLimitWhichMayBeRaised) {
  Outbox outbox;
  EXPECT_EQ(outbox.limit(), Outbox::kLeastBytes);
  EXPECT_FALSE(outbox.post(block(1), Outbox::kLeastBytes - 16));
  EXPECT_TRUE(outbox.post(block(2), 16));
  outbox.set_limit(2 * Outbox::kLeastBytes);
  EXPECT_FALSE(outbox.is_full());
  EXPECT_TRUE(outbox.post(block(3), Outbox::kLeastBytes));
}

TEST(Outbox, KnowsTheBlockPostedLast) {
  Outbox outbox;
  EXPECT_FALSE(outbox.was_posted_last(block(1)));
  outbox.post(block(1), 16);
  EXPECT_TRUE(outbox.was_posted_last(block(1)));
  outbox.post(block(2), 16);
  EXPECT_FALSE(outbox.was_posted_last(block(1)));
}

TEST(Outbox, WhatMayNotGoStaysInOrder) {
  Unlimited outbox;
  for (size_t i = 1; i <= 6; ++i) {
    outbox.post(block(i), i * 1000);
  }
  std::vector<void*> gone;
  outbox.remove_if([&](void* candidate, size_t size_bytes) {
    EXPECT_EQ(candidate, block(size_bytes / 1000));
    if (size_bytes % 2000 != 0) {
      return false;
    }
    gone.push_back(candidate);
    return true;
  });
  EXPECT_EQ(gone, (std::vector<void*>{block(2), block(4), block(6)}));
  EXPECT_EQ(blocks_in(outbox), (std::vector<void*>{block(1), block(3), block(5)}));
  EXPECT_EQ(outbox.size_bytes(2), 5000U);
  // Room was made for as many bytes.
  EXPECT_FALSE(outbox.post(block(7), Outbox::kMaxBytes - 9000 - 16));
  EXPECT_TRUE(outbox.post(block(8), 16));
  outbox.remove_if([](void*, size_t) { return true; });
  EXPECT_EQ(outbox.count(), 0U);
  EXPECT_FALSE(outbox.post(block(9), Outbox::kMaxBytes - 16));
}

}  // namespace
}  // namespace talc
