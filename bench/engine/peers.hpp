// The allocators that the engine's benchmarks compare, behind one interface: malloc(size, align),
// free(ptr, size), realloc(ptr, old_size, size, align); null when memory is out.
//
// Arenas get their memory once, in the constructor. Calls are not inlined, as they would not be in a
// program that uses the allocator from many places.
#pragma once

#include <stdlib.h>
#include <string.h>

#include <algorithm>
#include <boost/interprocess/mem_algo/rbtree_best_fit.hpp>
#include <boost/interprocess/sync/mutex_family.hpp>
#include <new>

#include "talc/freestanding.hpp"

namespace bench {

class TalcArena {
 public:
  TalcArena(char* memory, size_t size_bytes) {
    talc_.claim(talc::Span::from_base_size(memory, size_bytes));
  }
  [[gnu::noinline]] void* malloc(size_t size, size_t align) { return talc_.malloc(size, align); }
  [[gnu::noinline]] void free(void* ptr, size_t size) { talc_.free(ptr, size); }
  [[gnu::noinline]] void* realloc(void* ptr, size_t old_size, size_t size, size_t align) {
    return talc_.realloc(ptr, old_size, size, align);
  }

 private:
  talc::Talc<talc::ErrOnOom> talc_;
};

// Boost.Interprocess's red-black tree of gaps, best fit, without its mutex.
class BoostArena {
  using Tree = boost::interprocess::rbtree_best_fit<boost::interprocess::null_mutex_family>;

 public:
  BoostArena(char* memory, size_t size_bytes) : tree_(new (memory) Tree(size_bytes, 0)) {}
  [[gnu::noinline]] void* malloc(size_t size, size_t align) {
    return align <= 16 ? tree_->allocate(size) : tree_->allocate_aligned(size, align);
  }
  [[gnu::noinline]] void free(void* ptr, size_t) { tree_->deallocate(ptr); }
  [[gnu::noinline]] void* realloc(void* ptr, size_t old_size, size_t size, size_t align) {
    namespace bi = boost::interprocess;
    char* reuse = static_cast<char*>(ptr);
    Tree::size_type received = size;
    const auto command = size > old_size ? bi::expand_fwd : bi::shrink_in_place;
    const Tree::size_type limit = size > old_size ? size : old_size;
    if (tree_->allocation_command<char>(command | bi::nothrow_allocation, limit, received, reuse) ||
        size <= old_size) {
      return ptr;
    }
    void* const moved = malloc(size, align);
    if (moved != nullptr) {
      memcpy(moved, ptr, old_size);
      free(ptr, old_size);
    }
    return moved;
  }

 private:
  Tree* tree_;
};

// The C library's, which is no arena: it gets its memory from the kernel.
class Glibc {
 public:
  Glibc(char*, size_t) {}
  [[gnu::noinline]] void* malloc(size_t size, size_t align) {
    return align <= 16 ? ::malloc(size) : aligned_alloc(align, size);
  }
  [[gnu::noinline]] void free(void* ptr, size_t) { ::free(ptr); }
  [[gnu::noinline]] void* realloc(void* ptr, size_t old_size, size_t size, size_t align) {
    if (align <= 16) {
      return ::realloc(ptr, size);
    }
    void* const moved = aligned_alloc(align, size);
    if (moved != nullptr) {
      memcpy(moved, ptr, std::min(old_size, size));
      ::free(ptr);
    }
    return moved;
  }
};

}  // namespace bench
