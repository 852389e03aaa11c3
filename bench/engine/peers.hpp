// The allocators that the engine's benchmarks compare, behind one interface: malloc(size, align),
// free(ptr, size, align), realloc(ptr, old_size, size, align); null when memory is out.
//
// Arenas get their memory once, in the constructor. Calls are not inlined, as they would not be in a
// program that uses the allocator from many places. For threads: TalckArena, Locked<…>, SharedPool
// and Glibc.
#pragma once

#include <stdlib.h>
#include <string.h>

#include <algorithm>
#include <boost/interprocess/mem_algo/rbtree_best_fit.hpp>
#include <boost/interprocess/mem_algo/simple_seq_fit.hpp>
#include <boost/interprocess/sync/mutex_family.hpp>
#include <memory_resource>
#include <mutex>
#include <new>

#include "talc/freestanding.hpp"
#include "talc/os/pthread_lock.hpp"

namespace bench {

// realloc for allocators that have none, or cannot grow this block where it is.
template <class Allocator>
void* move_block(Allocator& allocator, void* ptr, size_t old_size, size_t size, size_t align) {
  void* const moved = allocator.malloc(size, align);
  if (moved != nullptr) {
    memcpy(moved, ptr, std::min(old_size, size));
    allocator.free(ptr, old_size, align);
  }
  return moved;
}

class TalcArena {
 public:
  TalcArena(char* memory, size_t size_bytes) {
    talc_.claim(talc::Span::from_base_size(memory, size_bytes));
  }
  [[gnu::noinline]] void* malloc(size_t size, size_t align) { return talc_.malloc(size, align); }
  [[gnu::noinline]] void free(void* ptr, size_t size, size_t) { talc_.free(ptr, size); }
  [[gnu::noinline]] void* realloc(void* ptr, size_t old_size, size_t size, size_t align) {
    return talc_.realloc(ptr, old_size, size, align);
  }

 private:
  talc::Talc<talc::ErrOnOom> talc_;
};

// The same behind a mutex of the C library.
class TalckArena {
 public:
  TalckArena(char* memory, size_t size_bytes) : talck_(talc::Talc<talc::ErrOnOom>()) {
    talck_.lock()->claim(talc::Span::from_base_size(memory, size_bytes));
  }
  [[gnu::noinline]] void* malloc(size_t size, size_t align) { return talck_.malloc(size, align); }
  [[gnu::noinline]] void free(void* ptr, size_t size, size_t) { talck_.free(ptr, size); }
  [[gnu::noinline]] void* realloc(void* ptr, size_t old_size, size_t size, size_t align) {
    return talck_.realloc(ptr, old_size, size, align);
  }

 private:
  talc::Talck<talc::PthreadLock, talc::Talc<talc::ErrOnOom>> talck_;
};

// An arena of Boost.Interprocess, without its mutex.
template <class Arena>
class BoostArena {
 public:
  BoostArena(char* memory, size_t size_bytes) : arena_(new (memory) Arena(size_bytes, 0)) {}
  [[gnu::noinline]] void* malloc(size_t size, size_t align) {
    return align <= 16 ? arena_->allocate(size) : arena_->allocate_aligned(size, align);
  }
  [[gnu::noinline]] void free(void* ptr, size_t, size_t) { arena_->deallocate(ptr); }
  [[gnu::noinline]] void* realloc(void* ptr, size_t old_size, size_t size, size_t align) {
    namespace bi = boost::interprocess;
    char* reuse = static_cast<char*>(ptr);
    typename Arena::size_type received = size;
    const auto command = size > old_size ? bi::expand_fwd : bi::shrink_in_place;
    const typename Arena::size_type limit = std::max(size, old_size);
    if (arena_->template allocation_command<char>(command | bi::nothrow_allocation, limit, received,
                                                  reuse) ||
        size <= old_size) {
      return ptr;
    }
    return move_block(*this, ptr, old_size, size, align);
  }

 private:
  Arena* arena_;
};

// A red-black tree of gaps, best fit.
using BoostTree =
    BoostArena<boost::interprocess::rbtree_best_fit<boost::interprocess::null_mutex_family>>;

// A list of gaps by address, first fit: any operation may walk all of it.
using BoostList =
    BoostArena<boost::interprocess::simple_seq_fit<boost::interprocess::null_mutex_family,
                                                   boost::interprocess::offset_ptr<void>>>;

// The standard library's pools, each for blocks of one size, which never give the arena's memory back.
// By default only blocks up to 4 KiB come from pools, and from above those would never be used again.
template <class Pools>
class PoolArena {
 public:
  PoolArena(char* memory, size_t size_bytes)
      : memory_(memory, size_bytes, std::pmr::null_memory_resource()), pools_(kOptions, &memory_) {}
  [[gnu::noinline]] void* malloc(size_t size, size_t align) {
    try {
      return pools_.allocate(size, align);
    } catch (const std::bad_alloc&) {
      return nullptr;
    }
  }
  [[gnu::noinline]] void free(void* ptr, size_t size, size_t align) {
    pools_.deallocate(ptr, size, align);
  }
  [[gnu::noinline]] void* realloc(void* ptr, size_t old_size, size_t size, size_t align) {
    return move_block(*this, ptr, old_size, size, align);
  }

 private:
  // Few blocks at a time, as the arena is bounded.
  static constexpr std::pmr::pool_options kOptions{
      .max_blocks_per_chunk = 16, .largest_required_pool_block = size_t{256} << 10};

  std::pmr::monotonic_buffer_resource memory_;
  Pools pools_;
};

using Pool = PoolArena<std::pmr::unsynchronized_pool_resource>;

// With pools for each thread, and a lock about the arena.
using SharedPool = PoolArena<std::pmr::synchronized_pool_resource>;

// Any of the above behind one mutex.
template <class Arena>
class Locked {
 public:
  Locked(char* memory, size_t size_bytes) : arena_(memory, size_bytes) {}
  void* malloc(size_t size, size_t align) {
    const std::lock_guard guard(mutex_);
    return arena_.malloc(size, align);
  }
  void free(void* ptr, size_t size, size_t align) {
    const std::lock_guard guard(mutex_);
    arena_.free(ptr, size, align);
  }
  void* realloc(void* ptr, size_t old_size, size_t size, size_t align) {
    const std::lock_guard guard(mutex_);
    return arena_.realloc(ptr, old_size, size, align);
  }

 private:
  Arena arena_;
  std::mutex mutex_;
};

// The C library's, which is no arena: it gets its memory from the kernel.
class Glibc {
 public:
  Glibc(char*, size_t) {}
  [[gnu::noinline]] void* malloc(size_t size, size_t align) {
    return align <= 16 ? ::malloc(size) : aligned_alloc(align, size);
  }
  [[gnu::noinline]] void free(void* ptr, size_t, size_t) { ::free(ptr); }
  [[gnu::noinline]] void* realloc(void* ptr, size_t old_size, size_t size, size_t align) {
    return align <= 16 ? ::realloc(ptr, size) : move_block(*this, ptr, old_size, size, align);
  }
};

}  // namespace bench
