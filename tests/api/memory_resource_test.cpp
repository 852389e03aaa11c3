// Tests of api/memory_resource.hpp: standard containers over a Talc and a Talck.
#include "talc/api/memory_resource.hpp"

#include <gtest/gtest.h>

#include <map>
#include <memory_resource>
#include <new>
#include <string>
#include <vector>

#include "talc/oom/err_on_oom.hpp"
#include "talc/sync/spin_lock.hpp"
#include "talc/sync/talck.hpp"

namespace talc {
namespace {

using Arena = Talc<ErrOnOom, Config{.counters = true}>;
static_assert(BlockSource<Arena> && BlockSource<Talck<SpinLock, Arena>> && !BlockSource<int>);

template <class Source>
void fill_and_empty(Source& source) {
  MemoryResource resource(source);
  std::pmr::map<int, std::pmr::string> names(&resource);
  for (int i = 0; i < 200; ++i) {
    names.emplace(i, std::pmr::string(static_cast<size_t>(i), 'x'));
  }
  for (int i = 0; i < 200; i += 2) {
    names.erase(i);
  }
  EXPECT_EQ(names.at(199), std::pmr::string(199, 'x'));
  EXPECT_EQ(names.size(), 100U);
  EXPECT_GE(source.get_counters().live_allocations, 100U);
}

TEST(MemoryResource, ServesContainersFromATalc) {
  alignas(size_t) static char memory[100000];
  Arena talc;
  talc.claim(Span::from_array(memory));
  fill_and_empty(talc);
  EXPECT_EQ(talc.get_counters().live_allocations, 0U);
  EXPECT_EQ(talc.get_counters().live_bytes, 0U) << "sizes agree between allocation and free";
  EXPECT_EQ(talc.find_fault(), nullptr);
}

TEST(MemoryResource, ServesContainersFromATalck) {
  alignas(size_t) static char memory[100000];
  auto talck = Arena().lock<SpinLock>();
  talck.lock()->claim(Span::from_array(memory));
  fill_and_empty(talck);
  EXPECT_EQ(talck.get_counters().live_allocations, 0U);
  EXPECT_EQ(talck.lock()->find_fault(), nullptr);
}

TEST(MemoryResource, AlignsAndThrows) {
  alignas(size_t) static char memory[10000];
  Arena talc;
  talc.claim(Span::from_array(memory));
  MemoryResource resource(talc);
  for (size_t align = 1; align <= 1024; align *= 2) {
    void* const block = resource.allocate(10, align);
    EXPECT_EQ(reinterpret_cast<size_t>(block) % align, 0U);
    resource.deallocate(block, 10, align);
  }
  EXPECT_THROW(static_cast<void>(resource.allocate(10001)), std::bad_alloc);
  std::pmr::vector<int> numbers(&resource);
  EXPECT_THROW(numbers.resize(5000), std::bad_alloc);
  numbers.resize(100);
  EXPECT_EQ(talc.get_counters().live_allocations, 1U);
}

TEST(MemoryResource, IsEqualIfTheSourceIsTheSame) {
  Arena one;
  Arena two;
  const MemoryResource first(one);
  const MemoryResource same(one);
  const MemoryResource other(two);
  EXPECT_EQ(first, same);
  EXPECT_FALSE(first == other);
  EXPECT_FALSE(first == *std::pmr::new_delete_resource());
  EXPECT_EQ(&first.source(), &one);
}

}  // namespace
}  // namespace talc
