// The names that glibc has for its own functions, which programs and old libraries call.
//
// One that is missing here would hand out glibc's memory, which then meets our free. They don't
// call malloc and the rest by name: a program that wraps malloc and forwards to __libc_malloc would
// end up calling itself.
#include "interpose/calls.hpp"
#include "interpose/export.hpp"

extern "C" {

TALC_EXPORT void* __libc_malloc(size_t size) noexcept { return talc::calls::allocate(size); }

TALC_EXPORT void __libc_free(void* block) noexcept { talc::calls::release(block); }

TALC_EXPORT void* __libc_calloc(size_t count, size_t size) noexcept {
  return talc::calls::allocate_zeroed(count, size);
}

TALC_EXPORT void* __libc_realloc(void* block, size_t size) noexcept {
  return talc::calls::reallocate(block, size);
}

TALC_EXPORT void* __libc_memalign(size_t align, size_t size) noexcept {
  return talc::calls::allocate_aligned(align, size);
}

TALC_EXPORT void* __libc_valloc(size_t size) noexcept {
  return talc::calls::allocate_on_page(size);
}

TALC_EXPORT void* __libc_pvalloc(size_t size) noexcept { return talc::calls::allocate_pages(size); }

TALC_EXPORT int __posix_memalign(void** result, size_t align, size_t size) noexcept {
  return talc::calls::allocate_aligned_posix(result, align, size);
}

// Removed from glibc's headers, but old programs are linked with it.
TALC_EXPORT void cfree(void* block) noexcept { talc::calls::release(block); }

}  // extern "C"
