// StlAllocator: a standard allocator, for any container, over a Talc or a Talck.
//
//     talc::StlAllocator<int, decltype(heap)> allocator(heap);
//     std::vector<int, decltype(allocator)> numbers(allocator);
//
// A copyable reference to its source; over a Talc it is for one thread, over a Talck for all. Equal
// if the source is the same, whatever the element types. A container that is moved or swapped takes
// its source along; one that is assigned a copy keeps its own.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <type_traits>

#include "talc/api/block_source.hpp"

namespace talc {

template <class T, BlockSource Source>
class StlAllocator {
 public:
  using value_type = T;                     // what the standard asks for: the type of the elements
  using is_always_equal = std::false_type;  // two may have different sources
  using propagate_on_container_copy_assignment = std::false_type;  // it keeps its own source
  using propagate_on_container_move_assignment = std::true_type;   // the source comes along
  using propagate_on_container_swap = std::true_type;              // the sources change places

  // Requires: `source` outlives the allocator, its copies and what they allocated, and is not moved.
  explicit StlAllocator(Source& source) noexcept : source_(&source) {}

  // What rebinding needs: the same source for elements of another type.
  template <class Other>
  StlAllocator(const StlAllocator<Other, Source>& other) noexcept  // NOLINT: implicit by standard
      : source_(&other.source()) {}

  // What it allocates from.
  Source& source() const noexcept { return *source_; }

  // Returns room for `count` objects. Throws std::bad_array_new_length if they exceed the address
  // space, std::bad_alloc where the source returns null; without exceptions, traps. Cost and locks: the
  // source's.
  [[nodiscard]] T* allocate(size_t count) {
    if (count > SIZE_MAX / sizeof(T)) {
      throw_bad_array_new_length();
    }
    void* const block = source_->malloc(count * sizeof(T), alignof(T));
    if (block == nullptr) {
      throw_bad_alloc();
    }
    return static_cast<T*>(block);
  }

  // Gives it back. Requires: `count` as for allocate. Cost and locks: the source's.
  void deallocate(T* block, size_t count) noexcept { source_->free(block, count * sizeof(T)); }

  // Whether one may deallocate what the other has allocated.
  template <class Other>
  bool operator==(const StlAllocator<Other, Source>& other) const noexcept {
    return source_ == &other.source();
  }

 private:
  Source* source_;
};

}  // namespace talc
