// What the operators new share: asking the new-handler, and which of them the program has replaced.
//
// The C++ runtime is reached by weak references only, since the library needs none but libc. They
// bind when the program is loaded; in a program without a C++ runtime, or whose runtime is opened
// later, they stay null: then there is no handler to ask and nothing to throw.
#pragma once

#include <new>

#include "interpose/calls.hpp"

// std::get_new_handler(), of libstdc++ or libc++.
extern "C" [[gnu::weak]] std::new_handler _ZSt15get_new_handlerv();

// Our own operators by names that no program can replace: what ::operator new is, if it is ours.
extern "C" {
void* talc_new(size_t size);
void* talc_new_array(size_t size);
void* talc_new_aligned(size_t size, std::align_val_t align);
void* talc_new_array_aligned(size_t size, std::align_val_t align);
}

namespace talc {

// Returns null when memory ran out and no new-handler is left to ask; errno is ENOMEM then, as after
// the malloc that libstdc++ calls. What a handler throws passes.
inline void* allocate_asking_handler(size_t size, size_t align = kMallocAlign) {
  if (void* const block = TheHeap::try_allocate(size, align)) [[likely]] {
    return block;
  }
  for (;;) {
    void* const block = calls::allocate_or_enomem(size, align);
    if (block != nullptr) [[likely]] {
      return block;
    }
    const bool has_runtime = &_ZSt15get_new_handlerv != nullptr;
    const std::new_handler handler = has_runtime ? _ZSt15get_new_handlerv() : nullptr;
    if (handler == nullptr) {
      return nullptr;
    }
    handler();
  }
}

// As libstdc++: an alignment that is no power of two is out of memory at once.
inline void* allocate_asking_handler(size_t size, std::align_val_t align) {
  const size_t bytes = static_cast<size_t>(align);
  return is_power_of_two(bytes) ? allocate_asking_handler(size, bytes) : nullptr;
}

}  // namespace talc
