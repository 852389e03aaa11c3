// malloc and its relatives for WebAssembly, freestanding or in wasi-libc's place: heap.hpp says which heap.
//
//     clang++ --target=wasm32 -std=c++20 -Oz -flto -mbulk-memory -ffreestanding -fno-exceptions -fno-rtti
//       -nostdlib -Ilib -I. -c interpose/wasm/malloc.cpp
//
// Linked before wasi-libc's libc.a it defines all that dlmalloc.o there does, so that one stays out. What a
// module does not use is left out by the linker. Where there is an errno (wasi-libc), compile with
// -DTALC_WASM_ERRNO, and failure sets it.
#include "interpose/wasm/heap.hpp"

#ifdef TALC_WASM_ERRNO
#include <errno.h>
#endif

namespace {

constexpr int kInvalid = 28;  // WASI's EINVAL and ENOMEM, as posix_memalign returns them
constexpr int kOutOfMemory = 48;

inline void* or_enomem(void* ptr) {
#ifdef TALC_WASM_ERRNO
  static_assert(EINVAL == kInvalid && ENOMEM == kOutOfMemory);
  if (ptr == nullptr) {
    errno = ENOMEM;
  }
#endif
  return ptr;
}

}  // namespace

extern "C" {

void* malloc(size_t size) { return or_enomem(talc::wasm::heap.malloc(size)); }

void free(void* ptr) { talc::wasm::heap.free(ptr); }

void* calloc(size_t count, size_t size) { return or_enomem(talc::wasm::heap.calloc(count, size)); }

void* realloc(void* ptr, size_t size) { return or_enomem(talc::wasm::heap.realloc(ptr, size)); }

void* aligned_alloc(size_t align, size_t size) {
  return or_enomem(talc::is_power_of_two(align) ? talc::wasm::heap.aligned_alloc(align, size)
                                                : nullptr);
}

int posix_memalign(void** result, size_t align, size_t size) {
  if (!talc::is_power_of_two(align) || align < sizeof(void*)) {
    return kInvalid;
  }
  void* const ptr = talc::wasm::heap.aligned_alloc(align, size);
  if (ptr == nullptr) {
    return kOutOfMemory;
  }
  *result = ptr;
  return 0;
}

size_t malloc_usable_size(void* ptr) {
  return ptr == nullptr ? 0 : talc::wasm::heap.usable_size(ptr);
}

// wasi-libc's own names.
void* __libc_malloc(size_t size) { return malloc(size); }
void __libc_free(void* ptr) { free(ptr); }
void* __libc_calloc(size_t count, size_t size) { return calloc(count, size); }
}
