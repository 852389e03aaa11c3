// CHeap: a Talc as C's malloc wants it, whose blocks know their size.
//
//   | size | payload …                      (slack)  tag |
//     W     ^ what malloc returns, aligned to 16
//
// `size` is what the engine was asked for: the word itself, the payload and what rounds a chunk up to a
// multiple of 16 bytes. As all chunks are such multiples, a chunk that begins where another ended is aligned
// for nothing: only the first of a heap may have to be moved.
//
// For machines without an operating system, where there is no libtalc: firmware and WebAssembly. Not locked.
// Used by interpose/wasm/ and the example of firmware.
#pragma once

#include "talc/core/talc.hpp"

namespace talc {

template <class TalcType>
class CHeap {
 public:
  // C's max_align_t has no stricter one on any machine.
  static constexpr size_t kAlign = 16;

  constexpr CHeap() = default;
  // Takes an engine over. Requires: nothing is allocated from it.
  constexpr explicit CHeap(TalcType&& talc) : talc_(move(talc)) {}

  // The engine, for claims and counters. Requires: blocks of one interface are not given to the other.
  constexpr TalcType& get_talc() { return talc_; }

  // Returns `size` bytes, aligned to kAlign, or null. Requires, as all that follow: no other call at the
  // same time. Ensures: 0 bytes have an address of their own.
  [[nodiscard]] void* malloc(size_t size) { return aligned_alloc(kAlign, size); }

  // As malloc, aligned to `align` and to kAlign. `size` need be no multiple of it.
  // Requires: `align` is a power of two.
  [[nodiscard]] void* aligned_alloc(size_t align, size_t size) {
    const size_t chunk_bytes = request_for(size);
    char* const chunk = static_cast<char*>(
        talc_.malloc_aligned_at(chunk_bytes, align < kAlign ? kAlign : align, kPrefix));
    if (chunk == nullptr) {
      return nullptr;
    }
    store_word(chunk, chunk_bytes);
    return chunk + kPrefix;
  }

  // Returns `count` times `size` zeros; null if that is more than there is, or than a word tells.
  [[nodiscard]] void* calloc(size_t count, size_t size) {
    size_t bytes = 0;
    if (__builtin_mul_overflow(count, size, &bytes)) {
      return nullptr;
    }
    void* const ptr = malloc(bytes);
    if (ptr != nullptr) {
      zero_bytes(ptr, bytes);
    }
    return ptr;
  }

  // Takes a block back. Requires: `ptr` from this heap, or null.
  void free(void* ptr) {
    if (ptr != nullptr) {
      char* const chunk = chunk_of(ptr);
      talc_.free(chunk, load_word(chunk));
    }
  }

  // Returns the block, where it is or elsewhere (then aligned to kAlign); null if there is no memory: the old
  // block is as it was. Null is allocated; to 0 bytes is the least block, not a free.
  [[nodiscard]] void* realloc(void* ptr, size_t size) {
    if (ptr != nullptr) {
      char* const chunk = chunk_of(ptr);
      const size_t wanted = request_for(size);
      if (talc_.resize_in_place(chunk, load_word(chunk), wanted)) {
        store_word(chunk, wanted);
        return ptr;
      }
    }
    void* const moved = malloc(size);
    if (ptr != nullptr && moved != nullptr) {
      copy_bytes(moved, ptr, usable_size(ptr));
      free(ptr);
    }
    return moved;
  }

  // What may be used of a block: at least what was asked for. Requires: `ptr` from this heap.
  static size_t usable_size(void* ptr) { return load_word(chunk_of(ptr)) - kPrefix; }

 private:
  static constexpr size_t kPrefix = kWordSize;

  static char* chunk_of(void* ptr) { return static_cast<char*>(ptr) - kPrefix; }

  // What to ask the engine for, so that tag included it is a multiple of kAlign. Too much stays too much.
  static constexpr size_t request_for(size_t size) {
    const size_t chunk_bytes = align_up(size + kPrefix + kTagSize, kAlign) - kTagSize;
    return size > kMaxRequest ? kMaxRequest + 1 : chunk_bytes;
  }

  TalcType talc_;
};

}  // namespace talc
