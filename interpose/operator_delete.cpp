// The operators delete.
//
// Only the plain one and the plain aligned one free; the others call them, as the standard has it.
// A program that replaces the pair `operator new(size_t)` and `operator delete(void*)`, with blocks
// that are not ours, must also get its sized and its array deletes, which the compiler calls
// unasked. The size and the alignment are hints, which only the hardened library looks at.
#include <new>

#include "interpose/calls.hpp"
#include "interpose/export.hpp"

TALC_EXPORT_HOT [[gnu::weak]] void operator delete(void* ptr) noexcept {
  talc::calls::release(ptr);
}

TALC_EXPORT [[gnu::weak]] void operator delete(void* ptr, std::align_val_t) noexcept {
  talc::calls::release(ptr);
}

TALC_EXPORT_HOT [[gnu::weak]] void operator delete(void* ptr, size_t size) noexcept {
  talc::calls::check_hints(ptr, size);
  ::operator delete(ptr);
}

TALC_EXPORT [[gnu::weak]] void operator delete(void* ptr, const std::nothrow_t&) noexcept {
  ::operator delete(ptr);
}

TALC_EXPORT [[gnu::weak]] void operator delete(void* ptr, size_t size,
                                               std::align_val_t align) noexcept {
  talc::calls::check_hints(ptr, size, static_cast<size_t>(align));
  ::operator delete(ptr, align);
}

TALC_EXPORT [[gnu::weak]] void operator delete(void* ptr, std::align_val_t align,
                                               const std::nothrow_t&) noexcept {
  ::operator delete(ptr, align);
}

TALC_EXPORT [[gnu::weak]] void operator delete[](void* ptr) noexcept { ::operator delete(ptr); }

TALC_EXPORT [[gnu::weak]] void operator delete[](void* ptr, size_t size) noexcept {
  talc::calls::check_hints(ptr, size);
  ::operator delete[](ptr);
}

TALC_EXPORT [[gnu::weak]] void operator delete[](void* ptr, const std::nothrow_t&) noexcept {
  ::operator delete[](ptr);
}

TALC_EXPORT [[gnu::weak]] void operator delete[](void* ptr, std::align_val_t align) noexcept {
  ::operator delete(ptr, align);
}

TALC_EXPORT [[gnu::weak]] void operator delete[](void* ptr, size_t size,
                                                 std::align_val_t align) noexcept {
  talc::calls::check_hints(ptr, size, static_cast<size_t>(align));
  ::operator delete[](ptr, align);
}

TALC_EXPORT [[gnu::weak]] void operator delete[](void* ptr, std::align_val_t align,
                                                 const std::nothrow_t&) noexcept {
  ::operator delete[](ptr, align);
}
