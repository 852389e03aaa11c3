// Tests of api/stl_allocator.hpp: the standard's requirements, and containers that use them.
#include "talc/api/stl_allocator.hpp"

#include <gtest/gtest.h>
#include <stdint.h>

#include <list>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "talc/oom/err_on_oom.hpp"
#include "talc/os/pthread_lock.hpp"
#include "talc/sync/talck.hpp"

namespace talc {
namespace {

using Arena = Talc<ErrOnOom, Config{.counters = true}>;
template <class T>
using ArenaAllocator = StlAllocator<T, Arena>;

using Traits = std::allocator_traits<ArenaAllocator<int>>;
static_assert(std::is_same_v<Traits::rebind_alloc<char>, ArenaAllocator<char>>);
static_assert(std::is_same_v<Traits::pointer, int*> && std::is_same_v<Traits::size_type, size_t>);
static_assert(!Traits::is_always_equal::value);
static_assert(!Traits::propagate_on_container_copy_assignment::value);
static_assert(Traits::propagate_on_container_move_assignment::value);
static_assert(Traits::propagate_on_container_swap::value);
static_assert(std::is_nothrow_copy_constructible_v<ArenaAllocator<int>>);
static_assert(std::is_nothrow_constructible_v<ArenaAllocator<int>, const ArenaAllocator<char>&>);

class StlAllocatorTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(talc_.claim(Span::from_array(memory_)).is_sized());
    ASSERT_TRUE(other_.claim(Span::from_array(other_memory_)).is_sized());
  }

  // Whatever a test did, its containers are gone by now.
  void TearDown() override {
    for (Arena* const arena : {&talc_, &other_}) {
      EXPECT_EQ(arena->get_counters().live_allocations, 0U);
      EXPECT_EQ(arena->get_counters().live_bytes, 0U);
      EXPECT_EQ(arena->find_fault(), nullptr);
    }
  }

  bool is_in_talc(const void* ptr) { return Span::from_array(memory_).contains(ptr); }
  bool is_in_other(const void* ptr) { return Span::from_array(other_memory_).contains(ptr); }

  alignas(size_t) char memory_[100000];
  alignas(size_t) char other_memory_[100000];
  Arena talc_;
  Arena other_;
};

TEST_F(StlAllocatorTest, ServesContainersThatRebind) {
  const ArenaAllocator<int> allocator(talc_);
  std::vector<int, ArenaAllocator<int>> numbers(allocator);
  std::list<int, ArenaAllocator<int>> list(allocator);
  using Entry = std::pair<const int, double>;
  std::unordered_map<int, double, std::hash<int>, std::equal_to<>, ArenaAllocator<Entry>> map(
      ArenaAllocator<Entry>{allocator});
  for (int i = 0; i < 500; ++i) {
    numbers.push_back(i);
    list.push_front(i);
    map[i] = i * 0.5;
  }
  EXPECT_EQ(numbers[499], 499);
  EXPECT_EQ(list.front(), 499);
  EXPECT_EQ(map[499], 249.5);
  EXPECT_TRUE(is_in_talc(numbers.data()));
  EXPECT_TRUE(is_in_talc(&list.front()));
  EXPECT_TRUE(is_in_talc(&*map.begin()));
}

TEST_F(StlAllocatorTest, AlignsForTheType) {
  struct alignas(128) Wide {
    char bytes[128];
  };
  ArenaAllocator<char> chars(talc_);
  ArenaAllocator<Wide> wides(chars);
  char* const one = chars.allocate(1);
  Wide* const wide = wides.allocate(3);
  EXPECT_EQ(reinterpret_cast<size_t>(wide) % 128, 0U);
  wides.deallocate(wide, 3);
  chars.deallocate(one, 1);
}

TEST_F(StlAllocatorTest, IsEqualIfTheSourceIsTheSame) {
  const ArenaAllocator<int> allocator(talc_);
  EXPECT_EQ(allocator, ArenaAllocator<char>(allocator));
  EXPECT_NE(allocator, ArenaAllocator<int>(other_));
  EXPECT_EQ(&allocator.source(), &talc_);
}

TEST_F(StlAllocatorTest, Throws) {
  ArenaAllocator<int64_t> allocator(talc_);
  EXPECT_THROW(static_cast<void>(allocator.allocate(SIZE_MAX / 8 + 1)), std::bad_array_new_length);
  EXPECT_THROW(static_cast<void>(allocator.allocate(SIZE_MAX / 8)), std::bad_alloc);
  EXPECT_THROW(static_cast<void>(allocator.allocate(sizeof memory_ / 8)), std::bad_alloc);
}

TEST_F(StlAllocatorTest, MovesAndSwapsTakeTheSourceAlongCopiesKeepTheirOwn) {
  using Numbers = std::vector<int, ArenaAllocator<int>>;
  Numbers ours({1, 2, 3}, ArenaAllocator<int>(talc_));
  Numbers theirs({4, 5, 6, 7}, ArenaAllocator<int>(other_));
  swap(ours, theirs);
  EXPECT_TRUE(is_in_other(ours.data()) && is_in_talc(theirs.data()));
  EXPECT_EQ(ours.size(), 4U);

  Numbers copied(ArenaAllocator<int>{talc_});
  copied = ours;
  EXPECT_TRUE(is_in_talc(copied.data()));

  const int* const first = ours.data();
  theirs = std::move(ours);
  EXPECT_EQ(theirs.data(), first) << "moved, not copied";
  EXPECT_EQ(theirs.get_allocator(), ArenaAllocator<int>(other_));
}

TEST(StlAllocatorTalck, ServesThreads) {
  using Heap = Talck<PthreadLock, Talc<ErrOnOom, Config{.counters = true, .validate = false}>>;
  std::vector<char> memory(1 << 20);
  Heap heap{Talc<ErrOnOom, Config{.counters = true, .validate = false}>()};
  heap.lock()->claim(Span::from_slice(memory.data(), memory.size()));
  const StlAllocator<int, Heap> allocator(heap);
  long sums[3] = {};
  std::vector<std::thread> threads;
  for (long& sum : sums) {
    threads.emplace_back([&] {
      std::list<int, StlAllocator<int, Heap>> list(allocator);
      for (int i = 0; i < 5000; ++i) {
        list.push_back(i);
        if (i % 3 == 0) {
          sum += list.front();
          list.pop_front();
        }
      }
      for (const int value : list) {
        sum += value;
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  for (const long sum : sums) {
    EXPECT_EQ(sum, 5000L * 4999 / 2);
  }
  EXPECT_EQ(heap.get_counters().live_allocations, 0U);
  EXPECT_EQ(heap.lock()->find_fault(), nullptr);
}

}  // namespace
}  // namespace talc
