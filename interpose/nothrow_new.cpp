// The operators new that return null. The only file compiled with exceptions: a new-handler may
// throw, and so may an operator new of the program's own, which these must then call.
//
// Catching takes functions of the C++ runtime that the library must do without: the compiler's
// references to them are made weak (in meson.build for 32-bit ARM, whose assembler takes no weak
// personality). Where they stay null nobody throws, and the unwinder takes a null personality for none.
// Our own throwing operators are not called but done again: without a runtime they could not throw, and
// null would become an abort.
#include "interpose/operator_new.hpp"

#include "interpose/export.hpp"

#ifndef __arm__
asm(".weak __gxx_personality_v0\n"
    ".weak __cxa_begin_catch\n"
    ".weak __cxa_end_catch\n"
    ".weak _ZSt9terminatev\n"
    ".weak _Unwind_Resume\n");
#endif

namespace {

using New = void* (*)(size_t);
using AlignedNew = void* (*)(size_t, std::align_val_t);

// The operator of the program's own that stands behind new, or new[]; null if it has none.
New find_new() {
  const New current = &::operator new;
  return current == &talc_new ? nullptr : current;
}

New find_new_array() {
  const New current = &::operator new[];
  return current == &talc_new_array ? find_new() : current;
}

AlignedNew find_aligned_new() {
  const AlignedNew current = &::operator new;
  return current == &talc_new_aligned ? nullptr : current;
}

AlignedNew find_aligned_new_array() {
  const AlignedNew current = &::operator new[];
  return current == &talc_new_array_aligned ? find_aligned_new() : current;
}

template <class... Align>
void* new_or_null(void* (*replacement)(size_t, Align...), size_t size, Align... align) noexcept {
  try {
    return replacement != nullptr ? replacement(size, align...)
                                  : talc::allocate_asking_handler(size, align...);
  } catch (...) {
    return nullptr;
  }
}

}  // namespace

TALC_EXPORT [[gnu::weak]] void* operator new(size_t size, const std::nothrow_t&) noexcept {
  return new_or_null(find_new(), size);
}

TALC_EXPORT [[gnu::weak]] void* operator new[](size_t size, const std::nothrow_t&) noexcept {
  return new_or_null(find_new_array(), size);
}

TALC_EXPORT [[gnu::weak]] void* operator new(size_t size, std::align_val_t align,
                                             const std::nothrow_t&) noexcept {
  return new_or_null(find_aligned_new(), size, align);
}

TALC_EXPORT [[gnu::weak]] void* operator new[](size_t size, std::align_val_t align,
                                               const std::nothrow_t&) noexcept {
  return new_or_null(find_aligned_new_array(), size, align);
}
