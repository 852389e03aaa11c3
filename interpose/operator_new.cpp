// The operators new that throw.
//
// As the standard has it, a program may replace some of the operators and rely on the rest to call
// them: new[] therefore calls whatever operator new the program has, and all are weak, so that a
// program linked with libtalc.a may define its own. nothrow_new.cpp has those that return null,
// operator_delete.cpp the counterparts.
#include "interpose/operator_new.hpp"

#include "interpose/export.hpp"
#include "talc/os/fault.hpp"

// std::__throw_bad_alloc(), of libstdc++ or libc++.
extern "C" [[gnu::weak, noreturn]] void _ZSt17__throw_bad_allocv();

namespace {

[[noreturn, gnu::cold]] void throw_bad_alloc() {
  if (&_ZSt17__throw_bad_allocv != nullptr) {
    _ZSt17__throw_bad_allocv();
  }
  char line[] = "talc: operator new: out of memory\n";
  talc::end_process(line, sizeof line - 1);
}

// As talc::calls::allocate_slowly.
[[gnu::noinline]] void* new_slowly(size_t size) {
  void* const block = talc::allocate_asking_handler(size);
  if (block == nullptr) [[unlikely]] {
    throw_bad_alloc();
  }
  return block;
}

}  // namespace

void* talc_new(size_t size) {
  if (void* const block = talc::TheHeap::try_allocate(size)) [[likely]] {
    return block;
  }
  return new_slowly(size);
}

void* talc_new_aligned(size_t size, std::align_val_t align) {
  void* const block = talc::allocate_asking_handler(size, align);
  if (block == nullptr) [[unlikely]] {
    throw_bad_alloc();
  }
  return block;
}

void* talc_new_array(size_t size) { return ::operator new(size); }

void* talc_new_array_aligned(size_t size, std::align_val_t align) {
  return ::operator new(size, align);
}

TALC_EXPORT void* operator new(size_t) __attribute__((weak, alias("talc_new")));
TALC_EXPORT void* operator new[](size_t) __attribute__((weak, alias("talc_new_array")));
TALC_EXPORT void* operator new(size_t, std::align_val_t)
    __attribute__((weak, alias("talc_new_aligned")));
TALC_EXPORT void* operator new[](size_t, std::align_val_t)
    __attribute__((weak, alias("talc_new_array_aligned")));
