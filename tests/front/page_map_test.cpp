// Tests of front/page_map.hpp: any address has an answer, leaves come when needed and are never
// lost.
#include "talc/front/page_map.hpp"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "support/flaky_pages.hpp"

namespace talc {
namespace {

// Every test has a map of its own, by the type of its kernel.
template <int kTest>
struct Tag;
template <int kTest>
using Kernel = FlakyPages<Tag<kTest>>;
template <int kTest>
using Map = PageMap<Kernel<kTest>>;

constexpr size_t kGiB = size_t{1} << 30;

char* address(size_t value) { return reinterpret_cast<char*>(value); }

// The first addresses after so many GiB: nobody reads or writes them.
char* gib(size_t count) { return address(count * kGiB); }

TEST(PageMap, AnswersForAnyAddress) {
  using Map = Map<0>;
  int local = 0;
  for (const void* ptr :
       {static_cast<const void*>(nullptr), static_cast<const void*>(&local),
        static_cast<const void*>(address(~size_t{0})), static_cast<const void*>(address(1))}) {
    EXPECT_EQ(Map::get(ptr), PageEntry());
  }
}

TEST(PageMap, SetsTheGranulesThatARangeTouches) {
  using Map = Map<1>;
  const Span memory(gib(1) + 5 * kGranuleSize + 8, gib(1) + 7 * kGranuleSize + 8);
  ASSERT_TRUE(Map::reserve(memory));
  Map::set(memory, PageEntry::heap(7));
  EXPECT_EQ(Map::get(gib(1) + 5 * kGranuleSize - 1), PageEntry());
  EXPECT_EQ(Map::get(gib(1) + 5 * kGranuleSize).arena(), 7U);
  EXPECT_EQ(Map::get(gib(1) + 8 * kGranuleSize - 1).arena(), 7U);
  EXPECT_EQ(Map::get(gib(1) + 8 * kGranuleSize), PageEntry());
}

TEST(PageMap, NearGranulesAndOthersAreToldApart) {
  using Map = Map<20>;
  char* const start = HeapPlacement::start();
  if (start == nullptr) {
    GTEST_SKIP() << "the kernel chooses";
  }
  char* const acme = start + HeapPlacement::kNearBytes;
  const auto entry_if_near = [](const void* ptr) {
    const size_t index = Map::near_index(ptr, Map::near_base());
    return index < Map::kNearSize ? Map::near_entry(index) : PageEntry();
  };
  // Across both ends, and in the middle.
  unsigned owner = 0;
  char* const middle = start + HeapPlacement::kNearBytes / 64 * 3 + 18 * kGranuleSize;
  for (char* const at : {start - kGranuleSize, acme - kGranuleSize, middle}) {
    const Span memory(at, at + 2 * kGranuleSize);
    ASSERT_TRUE(Map::reserve(memory));
    Map::set(memory, PageEntry::small(++owner, 1));
    for (char* const ptr : {at, at + kGranuleSize - 16, at + kGranuleSize, memory.acme - 16}) {
      EXPECT_EQ(Map::get(ptr), PageEntry::small(owner, 1));
      const bool is_near = start <= ptr && ptr < acme;
      EXPECT_EQ(entry_if_near(ptr), is_near ? Map::get(ptr) : PageEntry());
      EXPECT_EQ(entry_if_near(ptr + 8), PageEntry());  // no multiple of 16
      EXPECT_EQ(Map::get(ptr + 8), PageEntry::small(owner, 1));
    }
  }
  for (unsigned bit = 0; bit < kWordBits; ++bit) {
    char* const other = address(address_of(middle) ^ size_t{1} << bit);
    const bool is_one = bit < kGranuleLog2 + 1;
    EXPECT_EQ(Map::get(other), is_one ? Map::get(middle) : PageEntry()) << bit;
    EXPECT_EQ(entry_if_near(other), is_one && bit >= 4 ? Map::get(other) : PageEntry()) << bit;
  }
}

TEST(PageMap, RangesMayCrossLeaves) {
  using Map = Map<2>;
  const Span memory(gib(2) - kGranuleSize, gib(3) + kGranuleSize);
  ASSERT_TRUE(Map::reserve(memory));
  Map::set(memory, PageEntry::heap(1));
  for (char* at : {memory.base, gib(2), gib(3), memory.acme - 1}) {
    EXPECT_EQ(Map::get(at).arena(), 1U);
  }
  EXPECT_EQ(Map::get(memory.base - 1), PageEntry());
  EXPECT_EQ(Map::get(memory.acme), PageEntry());
}

TEST(PageMap, ReplacesOnlyWhatIsExpected) {
  using Map = Map<3>;
  ASSERT_TRUE(Map::reserve(Span::from_base_size(gib(1), 1)));
  Map::set(gib(1), PageEntry::heap(1));
  EXPECT_FALSE(Map::replace(gib(1), PageEntry::heap(2), PageEntry()));
  EXPECT_TRUE(Map::replace(gib(1), PageEntry::heap(1), PageEntry::returned()));
  EXPECT_EQ(Map::get(gib(1)), PageEntry::returned());
}

TEST(PageMap, RefusesAddressesBeyondItsRoot) {
  if constexpr (kWordBits == 64) {
    EXPECT_FALSE(Map<4>::reserve(Span::from_base_size(address(size_t{1} << 56 % kWordBits), 1)));
  }
}

TEST(PageMap, MapsLeavesOnlyWhenItsOwnAreUsedUp) {
  if constexpr (kWordBits != 64) {
    GTEST_SKIP() << "the leaves of a small address space are all its own";
  }
  using Map = Map<5>;
  size_t reserved = 1;
  Kernel<5>::maps_left = 0;
  while (Map::reserve(Span::from_base_size(gib(reserved), 1))) {
    reserved += 1;
  }
  EXPECT_GE(reserved, 5U);
  EXPECT_EQ(Map::mapping_count(), 0U);
  EXPECT_EQ(Map::take_leaf(), nullptr);
  Kernel<5>::maps_left = 2;
  Kernel<5>::largest = sizeof(Map::Leaf);
  EXPECT_TRUE(Map::reserve(Span::from_base_size(gib(reserved), 1)));
  EXPECT_EQ(Map::mapping_count(), 1U);
  Kernel<5>::allow_all();
  for (size_t i = 0; i < 40; ++i) {
    EXPECT_TRUE(Map::reserve(Span::from_base_size(gib(100 + i), 1)));
    EXPECT_EQ(Map::get(gib(100 + i) + 123 * kGranuleSize), PageEntry());
  }
  EXPECT_LE(Map::mapping_count(), 12U);
  EXPECT_EQ(Map::leaf_bytes(), (reserved + 40) * sizeof(Map::Leaf));
}

TEST(PageMap, ALeafInHandServesLater) {
  using Map = Map<6>;
  typename Map::Leaf* const leaf = Map::take_leaf();
  ASSERT_NE(leaf, nullptr);
  Map::return_leaf(leaf);
  typename Map::Leaf* const again = Map::take_leaf();
  EXPECT_EQ(again, leaf);
  Map::reserve_with(again, gib(1));
  Map::set(gib(1), PageEntry::heap(3));
  EXPECT_EQ(Map::get(gib(1)).arena(), 3U);
  for (size_t i = 1; i < 100; ++i) {
    EXPECT_EQ(Map::get(gib(1) + i * kGranuleSize), PageEntry());
  }
  // Where there is a leaf already, the one in hand goes back.
  typename Map::Leaf* const second = Map::take_leaf();
  Map::reserve_with(second, gib(1) + 1);
  EXPECT_EQ(Map::get(gib(1)).arena(), 3U);
  EXPECT_EQ(Map::take_leaf(), second);
}

TEST(PageMap, ThreadsMayRaceForTheSameLeaf) {
  using Map = Map<7>;
  constexpr size_t kThreads = 4;
  constexpr size_t kSteps = kWordBits == 64 ? 200 : 3;
  std::vector<std::thread> threads;
  for (size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([t] {
      for (size_t i = 0; i < kSteps; ++i) {
        char* const mine = gib(1 + i) + t * kGranuleSize;
        ASSERT_TRUE(Map::reserve(Span::from_base_size(mine, 1)));
        Map::set(mine, PageEntry::heap(static_cast<unsigned>(t)));
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  for (size_t i = 0; i < kSteps; ++i) {
    for (size_t t = 0; t < kThreads; ++t) {
      EXPECT_EQ(Map::get(gib(1 + i) + t * kGranuleSize).arena(), t);
    }
  }
  EXPECT_EQ(Map::leaf_bytes(), kSteps * sizeof(Map::Leaf));
}

TEST(PageMap, ListsHugeBlocks) {
  using Map = Map<8>;
  for (const size_t at : {size_t{1}, size_t{3}}) {
    ASSERT_TRUE(Map::reserve(Span::from_base_size(gib(at), 1)));
    Map::set(gib(at) + kGranuleSize, PageEntry::huge(2, at << 22));
    Map::set(gib(at), PageEntry::heap(0));
  }
  std::vector<char*> granules;
  Map::for_each_huge([&](char* granule, PageEntry entry) {
    EXPECT_EQ(entry.huge_length(), (address_of(granule) / kGiB) << 22);
    granules.push_back(granule);
  });
  EXPECT_EQ(granules, (std::vector<char*>{gib(1) + kGranuleSize, gib(3) + kGranuleSize}));
}

}  // namespace
}  // namespace talc
