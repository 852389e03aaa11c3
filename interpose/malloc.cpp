// malloc and what is called without an alignment. calls.hpp says what each does.
//
// reallocarray and the frees with a size call realloc and free by name, as glibc's do: a program, or a
// checker such as Valgrind, that brings the four functions which it must and no more, has their blocks
// come to its own.
#include <stdlib.h>

#include "interpose/calls.hpp"
#include "interpose/export.hpp"

extern "C" {

TALC_EXPORT_HOT void* malloc(size_t size) noexcept { return talc::calls::allocate(size); }

TALC_EXPORT_HOT void free(void* block) noexcept { talc::calls::release(block); }

TALC_EXPORT void* calloc(size_t count, size_t size) noexcept {
  return talc::calls::allocate_zeroed(count, size);
}

TALC_EXPORT void* realloc(void* block, size_t size) noexcept {
  return talc::calls::reallocate(block, size);
}

TALC_EXPORT void* reallocarray(void* block, size_t count, size_t size) noexcept {
  size_t bytes = 0;
  const bool overflows = __builtin_mul_overflow(count, size, &bytes);
  return overflows ? talc::calls::no_memory() : realloc(block, bytes);
}

// C23's.
TALC_EXPORT void free_sized(void* block, size_t size) noexcept {
  talc::calls::check_hints(block, size);
  free(block);
}

TALC_EXPORT void free_aligned_sized(void* block, size_t align, size_t size) noexcept {
  talc::calls::check_hints(block, size, align);
  free(block);
}

}  // extern "C"
