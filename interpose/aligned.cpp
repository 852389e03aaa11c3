// The relatives of malloc that are told an alignment, or imply one. calls.hpp says what each does.
#include <malloc.h>
#include <stdlib.h>

#include "interpose/calls.hpp"
#include "interpose/export.hpp"

extern "C" {

TALC_EXPORT void* memalign(size_t align, size_t size) noexcept {
  return talc::calls::allocate_aligned(align, size);
}

// glibc's is memalign: the size need be no multiple of the alignment.
TALC_EXPORT void* aligned_alloc(size_t align, size_t size) noexcept {
  return talc::calls::allocate_aligned(align, size);
}

TALC_EXPORT int posix_memalign(void** result, size_t align, size_t size) noexcept {
  return talc::calls::allocate_aligned_posix(result, align, size);
}

TALC_EXPORT void* valloc(size_t size) noexcept { return talc::calls::allocate_on_page(size); }

TALC_EXPORT void* pvalloc(size_t size) noexcept { return talc::calls::allocate_pages(size); }

}  // extern "C"
