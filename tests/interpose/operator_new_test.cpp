// Every operator new and delete of C++17 as a program sees them. See served.hpp.
// programs/replaced_new.cpp is about programs that have some of their own.
#include <malloc.h>

#include <new>
#include <stdexcept>

#include "served.hpp"

// clang declares them with -fsized-deallocation only.
void operator delete(void* block, size_t size) noexcept;
void operator delete[](void* block, size_t size) noexcept;
void operator delete(void* block, size_t size, std::align_val_t align) noexcept;
void operator delete[](void* block, size_t size, std::align_val_t align) noexcept;

namespace {

using namespace served;

constexpr size_t kAligns[] = {32, 64, 256, 4096, 1 << 16, 1 << 20, 4 << 20};

TEST(OperatorNew, AndEachDelete) {
  for (const size_t size : kSizes) {
    for (int form = 0; form < 3; ++form) {
      void* const one = ::operator new(size);
      void* const many = ::operator new[](size);
      void* const tried_one = ::operator new(size, std::nothrow);
      void* const tried_many = ::operator new[](size, std::nothrow);
      for (void* const block : {one, many, tried_one, tried_many}) {
        ASSERT_NE(block, nullptr);
        EXPECT_TRUE(is_aligned(block, 16));
        fill(block, 3, size);
      }
      ::operator delete(form == 2 ? tried_one : one);
      if (form == 0) {
        ::operator delete[](many);
        ::operator delete(tried_one);
        ::operator delete[](tried_many);
      } else if (form == 1) {
        ::operator delete[](many, size);
        ::operator delete(tried_one, size);
        ::operator delete[](tried_many, size);
      } else {
        ::operator delete[](many, std::nothrow);
        ::operator delete(one, std::nothrow);
        ::operator delete[](tried_many, std::nothrow);
      }
    }
  }
}

TEST(OperatorNew, AlignedAndEachDelete) {
  for (const size_t bytes : kAligns) {
    const auto align = std::align_val_t{bytes};
    for (const size_t size : {size_t{0}, size_t{1}, size_t{100}, size_t{100000}}) {
      for (int form = 0; form < 3; ++form) {
        void* const one = ::operator new(size, align);
        void* const many = ::operator new[](size, align);
        void* const tried_one = ::operator new(size, align, std::nothrow);
        void* const tried_many = ::operator new[](size, align, std::nothrow);
        for (void* const block : {one, many, tried_one, tried_many}) {
          ASSERT_NE(block, nullptr);
          EXPECT_TRUE(is_aligned(block, bytes)) << size;
          fill(block, 3, size);
        }
        if (form == 0) {
          ::operator delete(one, align);
          ::operator delete[](many, align);
          ::operator delete(tried_one, align);
          ::operator delete[](tried_many, align);
        } else if (form == 1) {
          ::operator delete(one, size, align);
          ::operator delete[](many, size, align);
          ::operator delete(tried_one, size, align);
          ::operator delete[](tried_many, size, align);
        } else {
          ::operator delete(one, align, std::nothrow);
          ::operator delete[](many, align, std::nothrow);
          ::operator delete(tried_one, align, std::nothrow);
          ::operator delete[](tried_many, align, std::nothrow);
        }
      }
    }
  }
}

TEST(OperatorDelete, OfNullDoesNothing) {
  const auto null = [] { return opaque(static_cast<void*>(nullptr)); };
  const auto align = std::align_val_t{64};
  ::operator delete(null());
  ::operator delete[](null());
  ::operator delete (null(), size_t{8});
  ::operator delete[](null(), size_t{8});
  ::operator delete(null(), std::nothrow);
  ::operator delete[](null(), std::nothrow);
  ::operator delete(null(), align);
  ::operator delete[](null(), align);
  ::operator delete (null(), size_t{8}, align);
  ::operator delete[](null(), size_t{8}, align);
  ::operator delete(null(), align, std::nothrow);
  ::operator delete[](null(), align, std::nothrow);
}

// Programs compiled in two ways disagree about a size; those run on glibc.
TEST(OperatorDelete, TakesASizeAndAnAlignmentForHints) {
  for (const size_t wrong : {size_t{0}, size_t{8}, size_t{100'000}, kMaxSize}) {
    ::operator delete(opaque(::operator new(100)), wrong);
    ::operator delete[](opaque(::operator new[](100)), wrong);
    ::operator delete (opaque(::operator new (100, std::align_val_t{64})), wrong,
                       std::align_val_t{64});
  }
  ::operator delete (opaque(::operator new(100)), std::align_val_t{4096});
}

TEST(OperatorNew, MixesWithFree) {
  free(::operator new(100));
  ::operator delete(malloc(100));
}

TEST(OperatorNew, ThrowsBadAlloc) {
  const auto align = std::align_val_t{64};
  EXPECT_THROW(opaque(::operator new(kMaxSize)), std::bad_alloc);
  EXPECT_THROW(opaque(::operator new(kTooLarge)), std::bad_alloc);
  EXPECT_THROW(opaque(::operator new[](kTooLarge)), std::bad_alloc);
  EXPECT_THROW(opaque(::operator new(kTooLarge, align)), std::bad_alloc);
  EXPECT_THROW(opaque(::operator new[](kTooLarge, align)), std::bad_alloc);
}

TEST(OperatorNew, ReturnsNullWhenItMustNotThrow) {
  const auto align = std::align_val_t{64};
  EXPECT_EQ(::operator new(kTooLarge, std::nothrow), nullptr);
  EXPECT_EQ(::operator new[](kTooLarge, std::nothrow), nullptr);
  EXPECT_EQ(::operator new(kTooLarge, align, std::nothrow), nullptr);
  EXPECT_EQ(::operator new[](kTooLarge, align, std::nothrow), nullptr);
}

TEST(OperatorNew, RefusesAlignmentsThatAreNoPowerOfTwo) {
  for (const size_t bytes : {size_t{0}, size_t{24}, kMaxSize}) {
    const auto align = std::align_val_t{opaque(bytes)};
    EXPECT_THROW(opaque(::operator new(8, align)), std::bad_alloc) << bytes;
    EXPECT_EQ(::operator new(8, align, std::nothrow), nullptr) << bytes;
  }
}

// Installs a new-handler that is called three times and then gives way to none.
class NewHandler : public testing::Test {
 protected:
  void SetUp() override {
    calls_ = 0;
    std::set_new_handler([] {
      if (++calls_ == 3) {
        std::set_new_handler(nullptr);
      }
    });
  }
  void TearDown() override { std::set_new_handler(nullptr); }

  static inline int calls_ = 0;
};

TEST_F(NewHandler, IsCalledUntilItGivesUp) {
  EXPECT_THROW(opaque(::operator new(kTooLarge)), std::bad_alloc);
  EXPECT_EQ(calls_, 3);
}

TEST_F(NewHandler, IsCalledByAligned) {
  EXPECT_THROW(opaque(::operator new (kTooLarge, std::align_val_t{64})), std::bad_alloc);
  EXPECT_EQ(calls_, 3);
}

TEST_F(NewHandler, IsCalledByArrays) {
  EXPECT_THROW(opaque(::operator new[](kTooLarge)), std::bad_alloc);
  EXPECT_EQ(calls_, 3);
}

TEST_F(NewHandler, IsCalledByNothrow) {
  EXPECT_EQ(::operator new(kTooLarge, std::nothrow), nullptr);
  EXPECT_EQ(calls_, 3);
}

TEST_F(NewHandler, IsCalledByNothrowAlignedArrays) {
  EXPECT_EQ(::operator new[](kTooLarge, std::align_val_t{64}, std::nothrow), nullptr);
  EXPECT_EQ(calls_, 3);
}

TEST_F(NewHandler, IsNotCalledWhenThereIsMemory) {
  ::operator delete(::operator new(100));
  EXPECT_EQ(calls_, 0);
}

TEST_F(NewHandler, MayThrowThroughNew) {
  std::set_new_handler([] { throw std::runtime_error("enough"); });
  EXPECT_THROW(opaque(::operator new(kTooLarge)), std::runtime_error);
  EXPECT_THROW(opaque(::operator new[](kTooLarge)), std::runtime_error);
  EXPECT_THROW(opaque(::operator new (kTooLarge, std::align_val_t{64})), std::runtime_error);
}

TEST_F(NewHandler, MayThrowIntoNothrow) {
  std::set_new_handler([] { throw std::runtime_error("enough"); });
  EXPECT_EQ(::operator new(kTooLarge, std::nothrow), nullptr);
  EXPECT_EQ(::operator new[](kTooLarge, std::nothrow), nullptr);
  EXPECT_EQ(::operator new (kTooLarge, std::align_val_t{64}, std::nothrow), nullptr);
  EXPECT_EQ(::operator new[](kTooLarge, std::align_val_t{64}, std::nothrow), nullptr);
}

TEST(OperatorNew, LeavesErrnoWhenItSucceeds) {
  errno = EXDEV;
  ::operator delete(::operator new(100));
  ::operator delete(::operator new (size_t{8} << 20));
  EXPECT_EQ(errno, EXDEV);
}

}  // namespace
