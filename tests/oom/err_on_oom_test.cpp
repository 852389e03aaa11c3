// Tests of oom/err_on_oom.hpp: an arena without memory fails, and stays usable.
#include "talc/oom/err_on_oom.hpp"

#include <gtest/gtest.h>

#include "talc/core/talc.hpp"

namespace talc {
namespace {

static_assert(OomHandlerFor<ErrOnOom, Talc<ErrOnOom>>);
static_assert(!TopFreeHandlerFor<ErrOnOom, Talc<ErrOnOom>>);

TEST(ErrOnOom, FailsWithoutAHeapAndWhenTheHeapIsFull) {
  Talc<ErrOnOom> talc;
  EXPECT_EQ(talc.malloc(1, 1), nullptr);

  alignas(size_t) char memory[2000];
  ASSERT_TRUE(talc.claim(Span::from_array(memory)).is_sized());
  EXPECT_EQ(talc.malloc(2000, 1), nullptr);
  void* const block = talc.malloc(1000, 1);
  ASSERT_NE(block, nullptr);
  EXPECT_EQ(talc.malloc(1000, 1), nullptr);
  talc.free(block, 1000);
  EXPECT_NE(talc.malloc(1000, 1), nullptr);
}

}  // namespace
}  // namespace talc
