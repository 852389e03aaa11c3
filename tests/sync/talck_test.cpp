// Tests of sync/talck.hpp: what is done under the lock, what is not, and who owns the Talc.
#include "talc/sync/talck.hpp"

#include <gtest/gtest.h>
#include <signal.h>

#include <mutex>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "talc/oom/claim_on_oom.hpp"
#include "talc/oom/err_on_oom.hpp"
#include "talc/os/print_assertion.hpp"
#include "talc/os/pthread_lock.hpp"
#include "talc/sync/null_lock.hpp"
#include "talc/sync/spin_lock.hpp"

namespace talc {
namespace {

struct NoLock {
  void lock() {}
};
static_assert(LockLike<std::mutex> && !LockLike<NoLock> && !LockLike<int>);

using CountingTalc = Talc<ErrOnOom, Config{.counters = true}>;
using StdTalck = Talck<std::mutex, CountingTalc>;
static_assert(!std::is_copy_constructible_v<StdTalck>);
static_assert(std::is_nothrow_move_constructible_v<StdTalck>);
static_assert(!std::is_copy_constructible_v<StdTalck::Guard>);

alignas(size_t) char static_memory[20000];
constinit Talck<SpinLock, Talc<ClaimOnOom>> constant_talck =
    Talc<ClaimOnOom>(ClaimOnOom(Span::from_array(static_memory))).lock<SpinLock>();

TEST(Talck, IsAConstant) {
  void* const block = constant_talck.malloc(100, 8);
  ASSERT_NE(block, nullptr);
  EXPECT_TRUE(Span::from_array(static_memory).contains(block));
  constant_talck.free(block, 100);
}

// One thread's view of what a Talck does, in order: "(" and ")" are the lock's turns.
std::string events;

// When set, called at each turn of the lock.
void (*on_turn)() = nullptr;

struct RecordingLock {
  void lock() {
    events += '(';
    if (on_turn != nullptr) {
      on_turn();
    }
  }
  void unlock() {
    if (on_turn != nullptr) {
      on_turn();
    }
    events += ')';
  }
};

// A Talc that does what it is told and writes down what it was asked.
struct RecordingTalc {
  bool grows_in_place = false;
  std::vector<char>* moves_to = nullptr;

  void* malloc(size_t, size_t) {
    events += 'm';
    return moves_to == nullptr ? nullptr : moves_to->data();
  }
  void free(void*, size_t) { events += 'f'; }
  bool grow_in_place(void*, size_t, size_t) {
    events += 'g';
    return grows_in_place;
  }
  void shrink(void*, size_t, size_t) { events += 's'; }
  void* realloc(void* ptr, size_t, size_t, size_t) {
    events += 'r';
    return ptr;
  }
  Counters get_counters() const {
    events += 'c';
    return {};
  }
};

using RecordingTalck = Talck<RecordingLock, RecordingTalc>;
constexpr size_t kSmall = RecordingTalck::kMaxBytesCopiedUnderLock;
constexpr size_t kLarge = kSmall + 1;

class TalckTurns : public testing::Test {
 protected:
  void SetUp() override {
    events.clear();
    on_turn = nullptr;
  }
  void TearDown() override { on_turn = nullptr; }

  std::vector<char> old_block_ = std::vector<char>(kLarge, 'o');
  std::vector<char> new_block_ = std::vector<char>(2 * kLarge, 'n');
};

TEST_F(TalckTurns, EachOperationIsOneTurn) {
  RecordingTalck talck{RecordingTalc{}};
  EXPECT_EQ(talck.malloc(1, 1), nullptr);
  talck.free(nullptr, 1);
  EXPECT_FALSE(talck.grow_in_place(nullptr, 1, 2));
  talck.shrink(nullptr, 2, 1);
  talck.get_counters();
  EXPECT_EQ(events, "(m)(f)(g)(s)(c)");
}

TEST_F(TalckTurns, GuardHoldsTheLockWhileItLives) {
  RecordingTalck talck{RecordingTalc{}};
  {
    const auto guard = talck.lock();
    guard->free(nullptr, 1);
    (*guard).free(nullptr, 1);
    EXPECT_EQ(events, "(ff");
  }
  EXPECT_EQ(events, "(ff)");
}

TEST_F(TalckTurns, SmallBlocksAreReallocatedByTalc) {
  RecordingTalck talck{RecordingTalc{}};
  EXPECT_EQ(talck.realloc(old_block_.data(), kSmall, 2 * kLarge, 1), old_block_.data());
  EXPECT_EQ(talck.realloc(old_block_.data(), kLarge, kSmall, 1), old_block_.data());
  EXPECT_EQ(talck.grow(old_block_.data(), 1, 2, 1), old_block_.data());
  EXPECT_EQ(events, "(r)(r)(r)");
}

TEST_F(TalckTurns, LargeBlocksShrinkAndGrowInPlaceIfTheyCan) {
  RecordingTalck talck{RecordingTalc{.grows_in_place = true}};
  EXPECT_EQ(talck.realloc(old_block_.data(), 2 * kLarge, kLarge, 1), old_block_.data());
  EXPECT_EQ(talck.realloc(old_block_.data(), kLarge, 2 * kLarge, 1), old_block_.data());
  EXPECT_EQ(talck.grow(old_block_.data(), kLarge, 2 * kLarge, 1), old_block_.data());
  EXPECT_EQ(events, "(s)(g)(g)");
}

TEST_F(TalckTurns, LargeBlocksAreCopiedBetweenTwoTurns) {
  static const std::vector<char>* target;
  static std::string copied;
  target = &new_block_;
  copied.clear();
  on_turn = [] { copied += target->at(0) == 'o' && target->at(kLarge - 1) == 'o' ? 'y' : 'n'; };

  RecordingTalck talck{RecordingTalc{.moves_to = &new_block_}};
  EXPECT_EQ(talck.realloc(old_block_.data(), kLarge, 2 * kLarge, 1), new_block_.data());
  EXPECT_EQ(events, "(gm)(f)");
  EXPECT_EQ(copied, "nnyy") << "not copied while the first turn lasted, copied before the second";
  EXPECT_EQ(new_block_[kLarge], 'n') << "no more than the old block is copied";
}

TEST_F(TalckTurns, LargeBlocksStayIfThereIsNoMemory) {
  RecordingTalck talck{RecordingTalc{}};
  EXPECT_EQ(talck.realloc(old_block_.data(), kLarge, 2 * kLarge, 1), nullptr);
  EXPECT_EQ(events, "(gm)");
  EXPECT_EQ(old_block_[kLarge - 1], 'o');
}

TEST(Talck, ReallocKeepsContentsAtEverySize) {
  std::vector<char> memory(4 << 20);
  StdTalck talck = CountingTalc().lock<std::mutex>();
  talck.lock()->claim(Span::from_slice(memory.data(), memory.size()));
  const std::vector<size_t> sizes = {1,     100,     65536, 65537, 300000,
                                     70000, 1000000, 65536, 10,    200000};
  char* block = static_cast<char*>(talck.malloc(1, 16));
  ASSERT_NE(block, nullptr);
  block[0] = 'a';
  size_t old_size = 1;
  for (const size_t size : sizes) {
    void* const wall = talck.malloc(10, 8);  // so that some growth must move
    block = static_cast<char*>(talck.realloc(block, old_size, size, 16));
    ASSERT_NE(block, nullptr);
    EXPECT_EQ(reinterpret_cast<size_t>(block) % 16, 0U);
    const size_t kept = old_size < size ? old_size : size;
    for (size_t i = 0; i < kept; ++i) {
      ASSERT_EQ(block[i], static_cast<char>('a' + i % 23)) << i << " of " << size;
    }
    for (size_t i = 0; i < size; ++i) {
      block[i] = static_cast<char>('a' + i % 23);
    }
    talck.free(wall, 10);
    old_size = size;
    ASSERT_EQ(talck.lock()->find_fault(), nullptr);
  }
  EXPECT_EQ(talck.realloc(block, old_size, 1 << 30, 16), nullptr);
  EXPECT_EQ(block[1000], static_cast<char>('a' + 1000 % 23));
  talck.free(block, old_size);
  EXPECT_EQ(talck.get_counters().live_allocations, 0U);
  EXPECT_EQ(talck.get_counters().live_bytes, 0U);
}

TEST(Talck, GivesItsTalcBackAndMoves) {
  alignas(size_t) char memory[4000];
  StdTalck talck = CountingTalc().lock<std::mutex>();
  talck.lock()->claim(Span::from_array(memory));
  void* const block = talck.malloc(100, 8);
  ASSERT_NE(block, nullptr);

  StdTalck moved(std::move(talck));
  EXPECT_EQ(moved.get_counters().live_allocations, 1U);
  EXPECT_EQ(talck.get_counters().heap_count, 0U);  // NOLINT(bugprone-use-after-move): empty, stated

  CountingTalc talc = std::move(moved).into_inner();
  EXPECT_EQ(talc.get_counters().live_allocations, 1U);
  talc.free(block, 100);
  EXPECT_EQ(talc.get_counters().live_allocations, 0U);
  EXPECT_EQ(talc.find_fault(), nullptr);
}

#ifdef TALC_DEBUG
// The mistake that oom_handler.hpp warns of: it allocates, and through the Talck that called it.
struct AllocatingHandler {
  void* (*allocate)() = nullptr;

  template <class TalcType>
  bool handle_oom(TalcType&, size_t, size_t) {
    return allocate() != nullptr;
  }
};

template <class Lock>
constinit Talck<Lock, Talc<AllocatingHandler>> self_allocating{Talc<AllocatingHandler>{}};

template <class Lock>
class TalckDeathTest : public testing::Test {};
using OurLocks = testing::Types<NullLock, SpinLock, PthreadLock>;
TYPED_TEST_SUITE(TalckDeathTest, OurLocks);

TYPED_TEST(TalckDeathTest, HandlerThatAllocatesFromItsTalckIsCaught) {
  auto& talck = self_allocating<TypeParam>;
  talck.lock()->oom_handler.allocate = [] { return self_allocating<TypeParam>.malloc(1, 1); };
  EXPECT_EXIT(
      {
        assertion_hook = print_assertion;
        static_cast<void>(talck.malloc(1, 1));
      },
      testing::KilledBySignal(SIGABRT), "assertion failed: .*!deadlock");
}
#endif

}  // namespace
}  // namespace talc
