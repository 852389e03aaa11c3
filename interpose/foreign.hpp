// Pointers that no heap of ours knows, where settings.foreign says that they are no fault: blocks that
// libc's own malloc gave, to the dynamic linker or to a library that was opened RTLD_DEEPBIND.
//
// What is not ours is what the page map has never heard of, or what lies where no heap of ours is any
// more: it is not touched to find out. So all else that is wrong remains a fault: double frees, insides
// of small and middle blocks. Ignored, a block
// leaks; libc's is handed on to the next library's function of the same name, as the dynamic linker
// finds it. calls.hpp and introspection.cpp ask, on slow paths.
#pragma once

#include "interpose/process.hpp"
#include "talc/api/settings.hpp"

namespace talc::foreign {

// Whether to leave `block` to the functions below. Requires: not null.
inline bool is_ours_to_pass(const void* block) {
  return settings.foreign.load(std::memory_order_relaxed) != Foreign::abort &&
         process_heap().is_foreign(block);
}

[[gnu::cold]] void release(void* block);
// Null if it is ignored, and then errno is ENOMEM: the block is as it was.
[[gnu::cold]] void* reallocate(void* block, size_t size);
// 0 if it is ignored.
[[gnu::cold]] size_t usable_size(void* block);

}  // namespace talc::foreign
