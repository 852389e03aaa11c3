// Tests of api/heap_registry.hpp and api/footprint.hpp: the page map and the sums follow the heaps.
#include "talc/api/heap_registry.hpp"

#include <gtest/gtest.h>

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

TEST(HeapRegistry, TellsThePageMapAndTheFootprint) {
  HeapRegistry<Kernel> registry(5);
  const Span heap = granules(1, 4);
  ASSERT_TRUE(registry.reserve(heap));
  EXPECT_EQ(Map::get(heap.base), PageEntry());
  registry.add(heap);
  EXPECT_EQ(Map::get(heap.acme - 1), PageEntry::heap(5));
  EXPECT_EQ(Footprint<Kernel>::mapped_bytes(), heap.size());

  const Span tail = granules(3, 4);
  registry.remove(tail);
  EXPECT_EQ(Map::get(tail.base), PageEntry::returned());
  EXPECT_EQ(Map::get(tail.base - 1), PageEntry::heap(5));
  EXPECT_EQ(Footprint<Kernel>::mapped_bytes(), 2 * kGranuleSize);

  registry.put_back(tail);
  EXPECT_EQ(Map::get(tail.base), PageEntry::heap(5));
  EXPECT_EQ(Footprint<Kernel>::mapped_bytes(), heap.size());
}

TEST(Footprint, RemembersThePeak) {
  using Sums = Footprint<FlakyPages<struct OtherTag>>;
  Sums::grow(100);
  Sums::grow(50);
  Sums::shrink(120);
  Sums::grow(20);
  EXPECT_EQ(Sums::mapped_bytes(), 50U);
  EXPECT_EQ(Sums::peak_bytes(), 150U);
}

}  // namespace
}  // namespace talc
