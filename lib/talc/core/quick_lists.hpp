// Quick lists: small chunks that were freed a moment ago, not merged yet, by exact size.
//
// Programs free and ask for the same few sizes over and over. Merging such a chunk with its neighbours
// only to cut it out again costs most of what an engine costs, so freed chunks up to kMaxSize bytes
// wait here, still tagged as allocated, and are taken as they are. What may wait is bounded: kMaxCount
// chunks. They are merged, all of them, when that is reached, before any search is given up, and before
// anything is said about the extent of a heap. (The idea is that of Weinstock's QuickFit, 1976, and of
// dlmalloc's fast bins.)
//
//   a waiting chunk   |next| …old payload… |tag|      next: sealed by the Guard
//
// The heads lie in the table, behind the bins. Used by blocks.hpp.
#pragma once

#include "talc/core/guard.hpp"

namespace talc {

template <class Guard = NoGuard>
class QuickLists {
 public:
  static constexpr size_t kMaxSize = 1024;  // of a chunk, in bytes
  static constexpr size_t kMaxCount = 512;
  static constexpr int kLooks = 3;
  static constexpr size_t kTableBytes = (kMaxSize / kWordSize + 1) * sizeof(char*);

  // Requires: kTableBytes at `memory`, and no chunk waiting.
  void adopt_table(char* memory) {
    heads_ = reinterpret_cast<char**>(memory);
    request_limit_ = kMaxSize - kTagSize + 1;
    zero_bytes(memory, kTableBytes);
  }

  // Whether requests of `size` bytes may find a chunk here. Safe for any size.
  bool serves(size_t size) const { return size < request_limit_; }
  // Whether chunks of that size may wait here.
  bool accepts(size_t chunk_size) const { return chunk_size < request_limit_ + kTagSize; }
  bool is_full() const { return count_ >= kMaxCount; }
  size_t count() const { return count_; }

  // A chunk of `chunk_size` bytes such that chunk + `offset` is aligned, or null. Looks at the kLooks
  // that were freed last: chunks of one size are aligned to two words half of the time.
  // Requires: accepts(chunk_size).
  char* take(size_t chunk_size, size_t align, size_t offset) {
    char* chunk = heads_[chunk_size / kWordSize];
    char* before = nullptr;
    for (int look = 0; chunk != nullptr && look < kLooks; ++look) {
      char* const next = next_of(chunk, chunk_size);
      if (is_aligned(chunk + offset, align)) {
        set_next(before, chunk_size, next);
        count_ -= 1;
        return chunk;
      }
      before = chunk;
      chunk = next;
    }
    return nullptr;
  }
  // Requires: accepts(chunk_size).
  void push(char* chunk, size_t chunk_size) {
    set_next(chunk, chunk_size, heads_[chunk_size / kWordSize]);
    set_next(nullptr, chunk_size, chunk);
    count_ += 1;
  }

  // f(char* chunk, size_t chunk_size) for each.
  template <class F>
  void for_each(F f) const {
    for (size_t size = 0; count_ != 0 && size <= kMaxSize; size += kWordSize) {
      for (char* chunk = heads_[size / kWordSize]; chunk != nullptr;) {
        char* const next = next_of(chunk, size);
        f(chunk, size);
        chunk = next;
      }
    }
  }
  // The same, and leaves all lists empty. Each chunk has left its list before f gets it, since f may
  // end up here again: freeing it may tell the handler, who asks for the extent of a heap.
  template <class F>
  void drain(F f) {
    for (size_t size = 0; count_ != 0 && size <= kMaxSize; size += kWordSize) {
      while (char* const chunk = take(size, 1, 0)) {
        f(chunk, size);
      }
    }
  }

 private:
  static char* next_of(const char* chunk, size_t chunk_size) {
    char* const next = Guard::seal(load_pointer(chunk), chunk_size);
    if (Guard::kChecks && next != nullptr && !Guard::may_point(next)) [[unlikely]] {
      Guard::on_corrupt_gap(chunk);
    }
    return next;
  }
  // Null stands for the head of the list.
  void set_next(char* chunk, size_t chunk_size, char* next) {
    if (chunk == nullptr) {
      heads_[chunk_size / kWordSize] = next;
    } else {
      store_pointer(chunk, Guard::seal(next, chunk_size));
    }
  }

  char** heads_ = nullptr;
  size_t request_limit_ = 0;  // 0: nothing waits here
  size_t count_ = 0;
};

// Of an engine that has none.
struct NoQuickLists {
  static constexpr size_t kTableBytes = 0;
  static void adopt_table(char*) {}
  static constexpr bool is_full() { return false; }
  static constexpr size_t count() { return 0; }
  template <class F>
  static void for_each(F) {}
  template <class F>
  static void drain(F) {}
};

}  // namespace talc
