// The operators new and delete for WebAssembly, on the heap of heap.hpp. Compiled as malloc.cpp is, which
// it does not need.
//
// Modules are built without exceptions: a new that can't allocate traps, a nothrow one returns null. All are
// weak, so that a program may define its own.
#include "interpose/wasm/heap.hpp"

namespace std {

// As in <new>, which bare toolchains lack.
enum class align_val_t : size_t {};
struct nothrow_t;

}  // namespace std

#define TALC_WEAK [[gnu::weak]]

namespace {

inline void* or_trap(void* ptr) {
  if (ptr == nullptr) {
    __builtin_trap();
  }
  return ptr;
}

inline void* allocate(size_t size, std::align_val_t align) {
  return talc::wasm::heap.aligned_alloc(static_cast<size_t>(align), size);
}

}  // namespace

TALC_WEAK void* operator new(size_t size) { return or_trap(talc::wasm::heap.malloc(size)); }
TALC_WEAK void* operator new[](size_t size) { return ::operator new(size); }
TALC_WEAK void* operator new(size_t size, std::align_val_t align) {
  return or_trap(allocate(size, align));
}
TALC_WEAK void* operator new[](size_t size, std::align_val_t align) {
  return ::operator new(size, align);
}

TALC_WEAK void* operator new(size_t size, const std::nothrow_t&) noexcept {
  return talc::wasm::heap.malloc(size);
}
TALC_WEAK void* operator new[](size_t size, const std::nothrow_t&) noexcept {
  return talc::wasm::heap.malloc(size);
}
TALC_WEAK void* operator new(size_t size, std::align_val_t align, const std::nothrow_t&) noexcept {
  return allocate(size, align);
}
TALC_WEAK void* operator new[](size_t size, std::align_val_t align,
                               const std::nothrow_t&) noexcept {
  return allocate(size, align);
}

TALC_WEAK void operator delete(void* ptr) noexcept { talc::wasm::heap.free(ptr); }
TALC_WEAK void operator delete[](void* ptr) noexcept { ::operator delete(ptr); }
TALC_WEAK void operator delete(void* ptr, size_t) noexcept { ::operator delete(ptr); }
TALC_WEAK void operator delete[](void* ptr, size_t) noexcept { ::operator delete[](ptr); }
TALC_WEAK void operator delete(void* ptr, std::align_val_t) noexcept { talc::wasm::heap.free(ptr); }
TALC_WEAK void operator delete[](void* ptr, std::align_val_t align) noexcept {
  ::operator delete(ptr, align);
}
TALC_WEAK void operator delete(void* ptr, size_t, std::align_val_t align) noexcept {
  ::operator delete(ptr, align);
}
TALC_WEAK void operator delete[](void* ptr, size_t, std::align_val_t align) noexcept {
  ::operator delete[](ptr, align);
}
TALC_WEAK void operator delete(void* ptr, const std::nothrow_t&) noexcept {
  ::operator delete(ptr);
}
TALC_WEAK void operator delete[](void* ptr, const std::nothrow_t&) noexcept {
  ::operator delete[](ptr);
}
TALC_WEAK void operator delete(void* ptr, std::align_val_t align, const std::nothrow_t&) noexcept {
  ::operator delete(ptr, align);
}
TALC_WEAK void operator delete[](void* ptr, std::align_val_t align,
                                 const std::nothrow_t&) noexcept {
  ::operator delete[](ptr, align);
}
