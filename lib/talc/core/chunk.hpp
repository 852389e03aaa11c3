// What a chunk looks like in memory, allocated or free, and nothing of how chunks are found.
//
// A heap is a header and then chunks, side by side, up to its acme. W is a word: 8 bytes, or 4.
//
//   allocated   |base            payload …                      (slack)      tag|
//                                                                            W
//   gap         |base next|link|size                      …                 size|
//                W         W    W                                            W
//
// The tag is the address of its own chunk's base, with two flags in the bits that alignment leaves
// free. It stands above the payload: what is written when a chunk is freed or merged never shares a
// cache line with the aligned payload above it. A gap of three words holds its size once.
//
// The word below any chunk tells what is below: bit 0 set, a tag; clear, the size of a gap. Gaps never
// touch one another, so freeing looks at most one chunk down and one up.
//
// Used by bins.hpp and talc.hpp. Leaves to them: lists, merging, heaps.
#pragma once

#include "talc/base/memory.hpp"

namespace talc {

inline constexpr size_t kMinChunkSize = 3 * kWordSize;
inline constexpr size_t kTagSize = kWordSize;

// More than this can't be asked for: differences of pointers must not overflow.
inline constexpr size_t kMaxRequest = ~size_t{0} / 2 - 4 * kWordSize;

inline AliasWord& word_at(char* address) { return *reinterpret_cast<AliasWord*>(address); }

namespace tag {

inline constexpr size_t kAllocated = 1;
inline constexpr size_t kGapAbove = 2;
inline constexpr size_t kFlags = kAllocated | kGapAbove;

inline size_t make(const char* base, size_t flags) {
  return reinterpret_cast<size_t>(base) | kAllocated | flags;
}
inline bool is_allocated(size_t word) { return (word & kAllocated) != 0; }
inline bool has_gap_above(size_t word) { return (word & kGapAbove) != 0; }
inline char* base(size_t word) { return reinterpret_cast<char*>(word & ~kFlags); }

}  // namespace tag

// A free chunk. `link` is the pointer that points here, sealed by the engine's Guard: the bin's head or
// the `next` of the gap before.
struct [[gnu::may_alias]] Gap {
  Gap* next;
  Gap** link;
  size_t size;

  char* base() { return reinterpret_cast<char*>(this); }
  char* acme() { return base() + size; }
};

// How far above the base of `gap` a payload would begin: less than `align`. Whether it fits is told by
// sizes, never by comparing where it would end: that may be beyond the last address there is.
inline size_t skip_in(Gap* gap, size_t align, size_t offset) {
  return (0 - (address_of(gap->base()) + offset)) & (align - 1);
}

inline Gap* gap_at(char* base) { return reinterpret_cast<Gap*>(base); }

inline void set_gap_size(char* base, size_t size) {
  gap_at(base)->size = size;
  word_at(base + size - kWordSize) = size;
}

// Bytes from a payload to its acme, tag included, as small as a chunk may be.
constexpr size_t chunk_size_for(size_t size) {
  constexpr size_t kLeast = kMinChunkSize - kTagSize;
  return align_up((size < kLeast ? kLeast : size) + kTagSize, kWordSize);
}

// Where the tag of an allocation of `size` bytes is, or a pointer to it: see `tag_of`.
inline char* tag_slot(char* payload, size_t size) {
  return payload + chunk_size_for(size) - kTagSize;
}

// A chunk may be larger than it had to be, by less than a gap needs. Then the word where the tag
// would be points to the tag; tags have bit 0 set, pointers to words don't.
inline char* tag_of(char* payload, size_t size) {
  char* slot = tag_slot(payload, size);
  const size_t word = word_at(slot);
  return tag::is_allocated(word) ? slot : reinterpret_cast<char*>(word);
}

// Writes the tag of the chunk [base, acme) whose payload of `size` bytes begins at `payload`.
inline void write_tag(char* base, char* acme, char* payload, size_t size, size_t flags) {
  char* const at = acme - kTagSize;
  char* const slot = tag_slot(payload, size);
  if (slot != at) {
    word_at(slot) = reinterpret_cast<size_t>(at);
  }
  word_at(at) = tag::make(base, flags);
}

}  // namespace talc
