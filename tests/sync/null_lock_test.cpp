// Tests of sync/null_lock.hpp.
#include "talc/sync/null_lock.hpp"

#include <gtest/gtest.h>

#include "talc/oom/err_on_oom.hpp"
#include "talc/sync/talck.hpp"

namespace talc {
namespace {

static_assert(LockLike<NullLock>);

TEST(NullLock, ServesOneThread) {
  alignas(size_t) char memory[4000];
  Talck talck = Talc<ErrOnOom>().lock<NullLock>();
  talck.lock()->claim(Span::from_array(memory));
  void* const block = talck.malloc(100, 8);
  EXPECT_NE(block, nullptr);
  talck.free(block, 100);
  EXPECT_EQ(talck.lock()->find_fault(), nullptr);
}

#ifdef TALC_DEBUG
TEST(NullLockDeathTest, AssertsWhenLockedTwice) {
  NullLock lock;
  lock.lock();
  EXPECT_DEATH(lock.lock(), "");
  lock.unlock();
  EXPECT_DEATH(lock.unlock(), "");
}
#endif

}  // namespace
}  // namespace talc
