// What malloc and its relatives do, once, for every name they are exported under.
//
// Sizes above PTRDIFF_MAX and sums or products that overflow end as null and ENOMEM; a size of zero
// gives a block of its own, except that reallocating to zero frees, as in glibc. The layers below
// never touch errno: it is set here, on failure only. Memory is the process heap's matter; where it
// has none, out_of_memory.hpp is asked before null is returned.
// Used by malloc.cpp, aligned.cpp and libc_names.cpp, which only name these.
#pragma once

#include <errno.h>
#include <stddef.h>

#include "interpose/foreign.hpp"
#include "interpose/out_of_memory.hpp"
#include "interpose/process.hpp"
#include "talc/base/word.hpp"
#include "talc/os/pages.hpp"

namespace talc {

// glibc promises malloc's result for any type; x86-64 and AArch64 have types of 16 bytes.
inline constexpr size_t kMallocAlign = 16;

namespace calls {

// Tells of it, once, if the user wants that. errno stays. process.cpp has it.
[[gnu::cold]] void tell_out_of_memory();

// Null and ENOMEM: memory ran out.
[[gnu::cold, gnu::noinline]] inline void* no_memory() {
  tell_out_of_memory();
  errno = ENOMEM;
  return nullptr;
}

// Passes a block through; null means that memory ran out.
inline void* or_enomem(void* block) { return block != nullptr ? block : no_memory(); }

// A block from the process heap, or null and ENOMEM.
inline void* allocate_or_enomem(size_t size, size_t align) {
  return or_enomem(serve(size, [=] { return process_heap().allocate(size, align); }));
}

// What the fast paths leave, in functions of their own: they are jumped to, and the fast paths need
// no stack frame.
[[gnu::noinline]] inline void* allocate_slowly(size_t size) {
  if (void* const block = TheHeap::try_allocate_hot(size)) {
    return block;
  }
  return allocate_or_enomem(size, kMallocAlign);
}

[[gnu::noinline]] inline void release_slowly(void* block) {
  if (process_heap().try_release_near(block) || block == nullptr) {
    return;
  }
  if (foreign::is_ours_to_pass(block)) [[unlikely]] {
    foreign::release(block);
    return;
  }
  process_heap().release(block);
}

inline void* allocate(size_t size) {
  if (void* const block = TheHeap::try_allocate(size)) [[likely]] {
    return block;
  }
  return allocate_slowly(size);
}

inline void release(void* block) {
  if (!TheHeap::try_release(block)) [[unlikely]] {
    release_slowly(block);
  }
}

// What whoever frees a block says of it is a hint, which the hardened library checks. Not of blocks
// that are not ours, but those of a program's own `operator new`.
inline void check_hints([[maybe_unused]] void* block, [[maybe_unused]] size_t size,
                        [[maybe_unused]] size_t align = 1) {
#ifdef TALC_HARDENED
  if (block != nullptr && process_heap().owns(block)) {
    process_heap().require_size(block, size);
    if (!is_power_of_two(align) || !is_aligned(block, align)) {
      raise_fault(Fault::misaligned_pointer, block);
    }
  }
#endif
}

[[gnu::noinline]] inline void* allocate_zeroed_slowly(size_t bytes) {
  return or_enomem(
      serve(bytes, [=] { return process_heap().allocate_zeroed(bytes, kMallocAlign); }));
}

inline void* allocate_zeroed(size_t count, size_t size) {
  size_t bytes = 0;
  if (__builtin_mul_overflow(count, size, &bytes)) [[unlikely]] {
    return or_enomem(nullptr);
  }
  if (void* const block = TheHeap::try_allocate(bytes)) [[likely]] {
    return __builtin_memset(block, 0, bytes);
  }
  return allocate_zeroed_slowly(bytes);
}

[[gnu::noinline]] inline void* reallocate_slowly(void* block, size_t size) {
  if (block == nullptr) {
    return allocate(size);
  }
  if (foreign::is_ours_to_pass(block)) [[unlikely]] {
    return foreign::reallocate(block, size);
  }
  if (size == 0) {
    process_heap().release(block);
    return nullptr;
  }
  return or_enomem(serve(size, [=] { return process_heap().reallocate(block, size); }));
}

inline void* reallocate(void* block, size_t size) {
  return TheHeap::may_stay(block, size) ? block : reallocate_slowly(block, size);
}

[[gnu::noinline]] inline void* allocate_aligned_slowly(size_t align, size_t size) {
  return allocate_or_enomem(size, align);
}

// As glibc's memalign: the alignment is rounded up to a power of two, and EINVAL if there is none.
inline void* allocate_aligned(size_t align, size_t size) {
  constexpr size_t kMaxAlign = ~(~size_t{0} >> 1);
  if (align > kMaxAlign) [[unlikely]] {
    errno = EINVAL;
    return nullptr;
  }
  const size_t power = align <= kMallocAlign ? kMallocAlign : size_t{2} << floor_log2(align - 1);
  if (void* const block = TheHeap::try_allocate(size, power)) [[likely]] {
    return block;
  }
  return allocate_aligned_slowly(power, size);
}

// Strict about the alignment, and reports by its result: errno stays as it is. So does `*result`,
// on failure.
inline int allocate_aligned_posix(void** result, size_t align, size_t size) {
  if (align < sizeof(void*) || !is_power_of_two(align)) {
    return EINVAL;
  }
  void* block = TheHeap::try_allocate(size, align);
  if (block == nullptr) [[unlikely]] {
    block = serve(size, [=] { return process_heap().allocate(size, align); });
    if (block == nullptr) {
      tell_out_of_memory();
      return ENOMEM;
    }
  }
  *result = block;
  return 0;
}

inline void* allocate_on_page(size_t size) { return allocate_or_enomem(size, Pages::page_size()); }

// Nothing else may lie on the last page either.
inline void* allocate_pages(size_t size) {
  size_t padded = 0;
  const bool overflows = __builtin_add_overflow(size, Pages::page_size() - 1, &padded);
  return overflows ? or_enomem(nullptr) : allocate_on_page(align_down(padded, Pages::page_size()));
}

}  // namespace calls
}  // namespace talc
