// MallocModel: the blocks that malloc must have handed out, and every exported function on them. Each
// answer is checked; check() compares the statistics with the blocks, byte by byte.
//
// It allocates nothing, and nor may anything else from begin() on.
#pragma once

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>

#include <type_traits>

#include "block_table.hpp"
#include "interpose/process.hpp"

namespace fuzz {

// Hides where a value comes from: the compiler knows what malloc does, and what it may leave out.
template <class T>
T opaque(T value) {
  asm volatile("" : "+r"(value) : : "memory");
  return value;
}

class MallocModel {
 public:
  static constexpr size_t kMallocAlign = 16;
  static constexpr size_t kSlack = size_t{64}
                                   << 10;  // a block is larger than asked for by that, at most
  static constexpr size_t kMaxBytes = size_t{96} << 20;  // of all blocks, so that memory suffices

  // From here on whatever is allocated is the model's. Nothing may be in any cache.
  void begin() {
    ::malloc_trim(0);
    blocks_.clear();
    before_ = stats();
  }

  size_t count() const { return blocks_.count(); }

  bool has_room(size_t size) const {
    return !blocks_.is_full() && blocks_.bytes() + size + kSlack <= kMaxBytes;
  }

  // ---- what allocates. Requires: has_room(size) ----

  void malloc(size_t size) {
    add(quietly([&] { return ::malloc(opaque(size)); }), size, kMallocAlign);
  }

  void calloc(size_t count, size_t size) {
    void* const ptr = quietly([&] { return ::calloc(opaque(count), opaque(size)); });
    require_zero(ptr, count * size);
    add(ptr, count * size, kMallocAlign);
  }

  void posix_memalign(size_t align, size_t size) {
    void* ptr = nullptr;
    quietly([&] {
      require(::posix_memalign(&ptr, align, size) == 0, "posix_memalign fails");
      return ptr;
    });
    add(ptr, size, align);
  }

  void aligned_alloc(size_t align, size_t size) {
    add(quietly([&] { return ::aligned_alloc(opaque(align), size); }), size, align);
  }

  void memalign(size_t align, size_t size) {
    add(quietly([&] { return ::memalign(opaque(align), size); }), size, align);
  }

  void valloc(size_t size) {
    add(quietly([&] { return ::valloc(size); }), size, page());
  }

  void pvalloc(size_t size) {
    add(quietly([&] { return ::pvalloc(size); }), talc::align_up(size, page()), page());
  }

  // ---- what changes and frees. Requires: index < count() ----

  // Requires: size > 0, and has_room(size).
  void realloc(size_t index, size_t size) {
    replace(blocks_.take(index), size, [&](void* old) { return ::realloc(old, opaque(size)); });
  }

  // Requires: as realloc.
  void reallocarray(size_t index, size_t count, size_t size) {
    replace(blocks_.take(index), count * size,
            [&](void* old) { return ::reallocarray(old, opaque(count), opaque(size)); });
  }

  void realloc_to_nothing(size_t index) {
    const Block block = blocks_.take(index);
    errno = kErrno;
    require(::realloc(block.base, opaque(size_t{0})) == nullptr, "realloc to 0 does not free");
    require(errno == kErrno, "errno is changed");
  }

  void free(size_t index) {
    const Block block = blocks_.take(index);
    require(::malloc_usable_size(block.base) == block.bytes, "a usable size has changed");
    errno = kErrno;
    ::free(block.base);
    require(errno == kErrno, "free changes errno");
  }

  void check_usable(size_t index) const {
    require(::malloc_usable_size(blocks_[index].base) == blocks_[index].bytes,
            "a usable size has changed");
    contents.require_kept(blocks_[index], blocks_[index].bytes);
  }

  // ---- requests that nobody can serve ----

  void malloc_too_much(size_t size) {
    require_enomem([&] { return ::malloc(opaque(size)); });
    require_enomem([&] { return ::calloc(opaque(size), 1); });
    require_enomem([&] { return ::calloc(opaque(size), opaque(size)); });
    require_enomem([&] { return ::aligned_alloc(64, opaque(size)); });
    require_enomem([&] { return ::valloc(opaque(size)); });
  }

  void realloc_too_much(size_t index, size_t size) {
    void* const block = blocks_[index].base;
    require_enomem([&] { return ::realloc(opaque(block), opaque(size)); });
    require_enomem([&] { return ::reallocarray(opaque(block), opaque(size), opaque(size)); });
    check_usable(index);
  }

  void misalign(size_t align, size_t size) {
    char here;
    void* ptr = &here;
    const int error = ::posix_memalign(&ptr, align, size);
    const bool is_valid = align >= sizeof(void*) && talc::is_power_of_two(align);
    require(error == (is_valid ? ENOMEM : EINVAL) && ptr == &here,
            "posix_memalign takes what is no alignment, or more than there is");
  }

  // ---- everything ----

  void check() const {
    const talc::ProcessStats now = stats();
    const size_t live = now.allocations - now.frees;
    require(live - (before_.allocations - before_.frees) == count(), "blocks are miscounted");
    check_allocated(now.allocated - before_.allocated);
    check_identity(now, now.mapped);
    check_arenas(now);
    check_info(now);
  }

  // The blocks are freed, and the threads have ended: then nothing is left, and no cache has anything.
  void check_nothing_is_left() const {
    ::malloc_trim(0);
    const talc::ProcessStats now = stats();
    require(count() == 0 && now.cached == 0 && now.in_transit == 0, "something is left in a cache");
    check();
  }

 private:
  static constexpr int kErrno = EXDEV;
  static constexpr bool kHardened = std::is_same_v<talc::TheHeap, talc::HardenedHeap>;

  static size_t page() { return talc::Pages::page_size(); }

  static talc::ProcessStats stats() {
    talc::ProcessStats out;
    talc::process_heap().get_stats(out, talc::TheHeap::Resident::skip);
    return out;
  }

  // For calls that succeed, and therefore leave errno alone.
  template <class F>
  static void* quietly(F f) {
    errno = kErrno;
    void* const ptr = f();
    require(ptr != nullptr, "a request fails though there is memory");
    require(errno == kErrno, "errno is changed");
    return ptr;
  }

  template <class F>
  static void require_enomem(F f) {
    errno = 0;
    require(f() == nullptr && errno == ENOMEM, "a request of too much is not refused");
  }

  static void require_zero(const void* ptr, size_t size) {
    const char* const bytes = static_cast<const char*>(ptr);
    require(size == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0),
            "calloc does not clear");
  }

  // All of the usable bytes are the program's.
  void add(void* ptr, size_t size, size_t align) {
    const size_t usable = ::malloc_usable_size(ptr);
    require(usable >= size, "a block is smaller than was asked for");
    require(talc::is_aligned(ptr, kMallocAlign), "a block is misaligned");
    blocks_.add({static_cast<char*>(ptr), usable, align, 0, blocks_.next_mark()}, 0);
  }

  template <class F>
  void replace(Block block, size_t size, F f) {
    const size_t old_usable = block.bytes;
    require(::malloc_usable_size(block.base) == old_usable, "a usable size has changed");
    block.base = static_cast<char*>(quietly([&] { return f(block.base); }));
    block.bytes = ::malloc_usable_size(block.base);
    block.align = kMallocAlign;
    require(block.bytes >= size, "a block is smaller than was asked for");
    blocks_.add(block, old_usable < size ? old_usable : size);
  }

  // A hardened block has its seal beside the bytes that were asked for, and some rest: up to half of it,
  // after it shrank.
  void check_allocated(size_t allocated) const {
    const size_t least = blocks_.bytes() + (kHardened ? count() * talc::BlockSeal::kBytes : 0);
    const size_t most = least + (kHardened ? blocks_.bytes() + count() * kSlack : 0);
    require(least <= allocated && allocated <= most, "usable bytes are miscounted");
  }

  // mapped = active + metadata + retained, of which no part is negative.
  template <class Stats>
  static void check_identity(const Stats& stats, size_t mapped) {
    require(stats.active + stats.metadata + stats.retained == mapped, "bytes are unaccounted for");
    require(stats.active <= mapped && stats.metadata <= mapped && stats.retained <= mapped &&
                stats.allocated <= stats.active,
            "a statistic is negative");
    require(stats.cached + stats.in_transit <= stats.retained && stats.slabs <= mapped,
            "more is cached than is retained");
  }

  // Where there is a quarantine, its blocks are the arenas' still.
  static void check_arenas(const talc::ProcessStats& now) {
    size_t allocated = 0;
    size_t mapped = 0;
    for (unsigned i = 0; i < now.arena_count; ++i) {
      check_identity(now.arenas[i], now.arenas[i].mapped);
      allocated += now.arenas[i].allocated;
      mapped += now.arenas[i].mapped;
    }
    allocated += now.huge_bytes;
    require(kHardened ? allocated >= now.allocated : allocated == now.allocated,
            "the arenas are not the whole");
    require(mapped + now.huge_bytes <= now.mapped, "the arenas are more than the whole");
  }

  // mallinfo2 says the same in glibc's terms, of every block beyond 4 MiB that it has its own mapping.
  void check_info(const talc::ProcessStats& now) const {
    const struct mallinfo2 info = ::mallinfo2();
    require(info.arena + info.hblkhd == now.mapped, "mallinfo2 is wrong about what is mapped");
    require(info.uordblks + info.fordblks == info.arena, "mallinfo2 does not add up");
    require(info.uordblks + info.hblkhd == now.active + now.metadata,
            "mallinfo2 is wrong about what is in use");
    require(info.hblks == now.huge_blocks && info.ordblks == now.fragments, "mallinfo2 miscounts");
    size_t huge_bytes = 0;
    for (size_t i = 0; i < count(); ++i) {
      huge_bytes += blocks_[i].bytes > talc::BlockPrefix::kMaxUsable ? blocks_[i].bytes : 0;
    }
    require(info.hblkhd >= huge_bytes, "a huge block is missing");
  }

  BlockTable blocks_;
  talc::ProcessStats before_;
};

}  // namespace fuzz
