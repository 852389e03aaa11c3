// BlockSource: what the standard library's adapters allocate from, a Talc or a Talck.
//
// Here is also how they fail. The allocator itself knows no exceptions, but the standard wants them
// of memory resources and allocators; a program compiled without stops instead.
#pragma once

#include <stddef.h>

#include <new>

namespace talc {

// Has malloc and free as a Talc has them.
template <class Type>
concept BlockSource = requires(Type& source, void* ptr, size_t size, size_t align) {
  requires __is_same(decltype(source.malloc(size, align)), void*);
  source.free(ptr, size);
};

// Throws std::bad_alloc; traps in programs without exceptions.
[[noreturn]] inline void throw_bad_alloc() {
#ifdef __cpp_exceptions
  throw std::bad_alloc();
#else
  __builtin_trap();
#endif
}

// Throws std::bad_array_new_length; traps in programs without exceptions.
[[noreturn]] inline void throw_bad_array_new_length() {
#ifdef __cpp_exceptions
  throw std::bad_array_new_length();
#else
  __builtin_trap();
#endif
}

}  // namespace talc
