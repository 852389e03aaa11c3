// Tests of api/heap_registry.hpp and api/footprint.hpp: the page map and the sums follow the heaps.
#include "talc/api/heap_registry.hpp"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "support/flaky_pages.hpp"

namespace talc {
namespace {

struct Tag;
using Kernel = FlakyPages<Tag>;
using Map = PageMap<Kernel>;

// Addresses only; nobody touches them.
Span granules(size_t from, size_t to) {
  char* const base = reinterpret_cast<char*>(size_t{1} << 30);
  return Span(base + from * kGranuleSize, base + to * kGranuleSize);
}

TEST(HeapRegistry, TellsThePageMapAndAsksTheFootprint) {
  HeapRegistry<Kernel> registry(5);
  const Span heap = granules(1, 4);
  ASSERT_TRUE(registry.try_take(heap.size()));
  ASSERT_TRUE(registry.reserve(heap));
  EXPECT_EQ(Map::get(heap.base), PageEntry());
  registry.add(heap);
  EXPECT_EQ(Map::get(heap.acme - 1), PageEntry::heap(5));
  EXPECT_EQ(Footprint<Kernel>::mapped_bytes(), heap.size());

  const Span tail = granules(3, 4);
  registry.remove(tail);
  EXPECT_EQ(Map::get(tail.base), PageEntry::returned());
  EXPECT_EQ(Map::get(tail.base - 1), PageEntry::heap(5));
  EXPECT_EQ(Footprint<Kernel>::mapped_bytes(), heap.size());  // the kernel has not got it yet

  registry.put_back(tail);
  EXPECT_EQ(Map::get(tail.base), PageEntry::heap(5));
  EXPECT_EQ(Footprint<Kernel>::mapped_bytes(), heap.size());

  registry.remove(tail);
  registry.give_back(tail.size());
  EXPECT_EQ(Footprint<Kernel>::mapped_bytes(), 2 * kGranuleSize);
}

TEST(Footprint, RemembersThePeak) {
  using Sums = Footprint<FlakyPages<struct OtherTag>>;
  EXPECT_TRUE(Sums::try_grow(100));
  EXPECT_TRUE(Sums::try_grow(50));
  Sums::raise_peak();
  Sums::shrink(120);
  EXPECT_TRUE(Sums::try_grow(20));
  Sums::raise_peak();
  EXPECT_EQ(Sums::mapped_bytes(), 50U);
  EXPECT_EQ(Sums::peak_bytes(), 150U);
  EXPECT_TRUE(Sums::try_grow(1000));
  Sums::shrink(1000);  // the kernel refused
  EXPECT_EQ(Sums::peak_bytes(), 150U);
}

class Limit {
 public:
  explicit Limit(size_t bytes) { settings.heap_limit = bytes; }
  ~Limit() { settings.heap_limit = Settings::kUnlimited; }
};

TEST(Footprint, IsBounded) {
  using Sums = Footprint<FlakyPages<struct BoundTag>>;
  const Limit limit(100);
  EXPECT_FALSE(Sums::try_grow(101));
  EXPECT_FALSE(Sums::try_grow(~size_t{0}));
  EXPECT_EQ(Sums::mapped_bytes(), 0U);
  EXPECT_TRUE(Sums::try_grow(60));
  EXPECT_FALSE(Sums::try_grow(41));
  EXPECT_TRUE(Sums::try_grow(40));
  EXPECT_FALSE(Sums::try_grow(1));
  settings.heap_limit = 50;  // less than there is: nothing is taken away
  EXPECT_FALSE(Sums::try_grow(1));
  Sums::shrink(60);
  EXPECT_TRUE(Sums::try_grow(10));
  EXPECT_FALSE(Sums::try_grow(1));
}

TEST(Footprint, IsExactWithManyThreads) {
  using Sums = Footprint<FlakyPages<struct ThreadsTag>>;
  constexpr size_t kLimit = 1000;
  const Limit limit(kLimit);
  std::atomic<size_t> granted = 0;
  std::vector<std::thread> threads;
  for (size_t i = 1; i <= 8; ++i) {
    threads.emplace_back([i, &granted] {
      for (int round = 0; round < 20000; ++round) {
        if (Sums::try_grow(i)) {
          if (round % 3 != 0) {
            Sums::shrink(i);
          } else {
            granted += i;
          }
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(Sums::mapped_bytes(), granted);
  EXPECT_EQ(Sums::mapped_bytes(), kLimit);  // the last byte, too
}

}  // namespace
}  // namespace talc
