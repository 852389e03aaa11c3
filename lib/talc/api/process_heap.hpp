// ProcessHeap: the heap of a whole process, from which malloc and its kin are made in a few lines
// each.
//
//     allocate(size) ── up to 4 MiB: a middle block ──> ArenaSet ──> Arena ──> Talc ──> MapOnOom
//                  └─── above, or aligned beyond 1 MiB: a huge block ──> HugeBlocks ──> kernel
//     release(ptr) ──> PageMap: whose is it? ── an arena's, huge, returned, nobody's: a fault
//
// A constant at compile time: it serves before any constructor has run, in dlsym, in the last
// moments of a thread or a process, and across fork. It never touches errno, stdio or the
// environment. One object for each Kernel in a process, since the page map is one, too. Used by
// interpose/, which owns it; a per-thread front end would stand between the two.
#pragma once

#include "talc/api/arena_set.hpp"
#include "talc/api/huge_blocks.hpp"
#include "talc/api/process_stats.hpp"

namespace talc {

template <class Kernel>
class BasicProcessHeap {
 public:
  constexpr BasicProcessHeap() = default;
  BasicProcessHeap(const BasicProcessHeap&) = delete;
  BasicProcessHeap& operator=(const BasicProcessHeap&) = delete;

  // Returns a block of `size` bytes, aligned to `align` and to 16, or null when memory is out; of
  // size 0, a block of its own. Requires: `align` is a power of two.
  // Cost: as Talc::malloc; above 4 MiB one or two system calls. Locks: one arena's.
  void* allocate(size_t size, size_t align) {
    return is_middle(size, align) ? allocate_middle(size, align, 0) : allocate_huge(size, align);
  }

  // As allocate, and the first `size` bytes are zero. Fresh pages of large blocks are not touched.
  void* allocate_zeroed(size_t size, size_t align) {
    if (!is_middle(size, align)) {
      return allocate_huge(size, align);
    }
    // What is quickly cleared is cleared without the lock.
    const size_t cleared_bytes = size < kMinFresh ? 0 : size;
    void* const block = allocate_middle(size, align, cleared_bytes);
    if (block != nullptr && cleared_bytes == 0) {
      zero_bytes(block, size);
    }
    return block;
  }

  // Returns a block of `size` bytes, aligned to 16, with what `ptr` held, as far as it fits; or
  // null when memory is out, and `ptr` is as it was. Never fails to shrink.
  // Requires: size > 0; `ptr` came from here and was not released: else a fault.
  // Cost: a huge block is not copied. Locks: one arena's, not while a block is copied.
  void* reallocate(void* ptr, size_t size) {
    const PageEntry entry = Map::get(ptr);
    if (entry.kind() == PageEntry::Kind::heap) [[likely]] {
      return reallocate_middle(arenas_[entry.arena()], ptr, size);
    }
    require_huge(ptr, entry, Fault::use_after_free);
    return reallocate_huge(ptr, entry, size);
  }

  // Takes a block back. Requires: as reallocate. Locks: never waits for one.
  void release(void* ptr) {
    const PageEntry entry = Map::get(ptr);
    if (entry.kind() == PageEntry::Kind::heap) [[likely]] {
      arenas_[entry.arena()].release(ptr);
      return;
    }
    require_huge(ptr, entry, Fault::double_free);
    huge_.release(ptr, entry);
  }

  // The bytes that the block at `ptr` has, at least as many as were asked for, and always the same
  // number until it is reallocated. Requires: as reallocate. Cost: two loads of the page map, one
  // of the block.
  size_t usable_size(const void* ptr) {
    const PageEntry entry = Map::get(ptr);
    if (entry.kind() == PageEntry::Kind::heap) [[likely]] {
      return arenas_[entry.arena()].usable_size(ptr, Fault::use_after_free);
    }
    require_huge(ptr, entry, Fault::use_after_free);
    return HugeBlocks<Kernel>::length_at(ptr, entry);
  }

  // Whether `ptr` points into a heap of an arena, or into the first 64 KiB of a huge block: whether
  // release would look at it at all. Never touches what it points to.
  bool owns(const void* ptr) const {
    const PageEntry::Kind kind = Map::get(ptr).kind();
    return kind == PageEntry::Kind::heap || kind == PageEntry::Kind::huge;
  }

  // Gives back to the kernel what nobody uses, but for `pad_bytes` on top of each arena. Returns
  // whether there was anything. Cost: linear in the number of blocks.
  bool trim(size_t pad_bytes) {
    bool has_trimmed = huge_.trim();
    for (unsigned i = 0; i < arenas_.count(); ++i) {
      if (const auto visit = arenas_[i].visit_within(kPatienceMs)) {
        has_trimmed |= visit->trim(pad_bytes);
      }
    }
    return has_trimmed;
  }

  // Whether get_stats also asks what is resident, for which it needs a system call for each 8 MiB.
  enum class Resident : bool { skip, ask };

  void get_stats(ProcessStats& out, Resident resident = Resident::ask);

  // For pthread_atfork, registered before there is a second thread. Another library's fork handlers
  // may allocate at any time. Locks: libc's stdio lock and every arena's, from before to after.
  void before_fork() { arenas_.before_fork(); }
  void after_fork_in_parent() { arenas_.after_fork_in_parent(); }
  void after_fork_in_child() { arenas_.after_fork_in_child(); }

 private:
  using Map = PageMap<Kernel>;
  using TheArena = Arena<Kernel>;

  static constexpr size_t kMaxMiddleAlign = size_t{1} << 20;
  // A huge block that shrinks below this goes into an arena: its length counts 64 KiB.
  static constexpr size_t kMinHuge = size_t{1} << 20;
  // Clearing less than this costs less than finding out how much of it is fresh.
  static constexpr size_t kMinFresh = size_t{16} << 10;
  static constexpr size_t kMaxSize = ~size_t{0} / 2;
  static constexpr unsigned kPatienceMs = 1000;

  static bool is_middle(size_t size, size_t align) {
    return size <= BlockPrefix::kMaxUsable && align <= kMaxMiddleAlign;
  }

  static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

  void* allocate_middle(size_t size, size_t align, size_t cleared_bytes) {
    const size_t usable = BlockPrefix::usable_for(size);
    const size_t block_align = align < BlockPrefix::kBlockAlign ? BlockPrefix::kBlockAlign : align;
    if (void* const block = arenas_.visit()->allocate(usable, block_align, cleared_bytes))
        [[likely]] {
      return block;
    }
    void* block = nullptr;
    arenas_.visit_until([&](const typename TheArena::Visit& visit) {
      block = visit->allocate(usable, block_align, cleared_bytes);
      return block != nullptr;
    });
    return block;
  }

  [[gnu::noinline]] void* allocate_huge(size_t size, size_t align) {
    if (size > kMaxSize || align > kMaxSize) {
      return nullptr;
    }
    void* const block = huge_.allocate(size, align);
    // What the arenas retain may have been in the way, if it is that much.
    if (block != nullptr || size > footprint_.mapped_bytes() || !trim(0)) [[likely]] {
      return block;
    }
    return huge_.allocate(size, align);
  }

  static void require_huge(const void* ptr, PageEntry entry, Fault if_returned) {
    if (entry.kind() != PageEntry::Kind::huge) [[unlikely]] {
      raise_fault(entry.kind() == PageEntry::Kind::returned ? if_returned : Fault::invalid_pointer,
                  ptr);
    }
  }

  void* reallocate_middle(TheArena& arena, void* ptr, size_t size) {
    const size_t usable = arena.usable_size(ptr, Fault::use_after_free);
    if (size <= BlockPrefix::kMaxUsable) {
      const size_t new_usable = BlockPrefix::usable_for(size);
      if (new_usable == usable) {
        return ptr;
      }
      const auto visit = arena.visit_within(kPatienceMs);
      if (visit && visit->resize_in_place(ptr, usable, new_usable)) {
        return ptr;
      }
    }
    return copy_to_new(ptr, usable, size);
  }

  void* reallocate_huge(void* ptr, PageEntry entry, size_t size) {
    const size_t length = HugeBlocks<Kernel>::length_at(ptr, entry);
    if (size >= kMinHuge) {
      if (void* const resized = size > kMaxSize ? nullptr : huge_.resize(ptr, length, size)) {
        return resized;
      }
    }
    void* const moved = copy_to_new(ptr, length, size);
    return moved == nullptr && size <= length ? ptr : moved;
  }

  void* copy_to_new(void* ptr, size_t usable, size_t size) {
    void* const moved = allocate(size, BlockPrefix::kBlockAlign);
    if (moved == nullptr) {
      return size <= usable ? ptr : nullptr;
    }
    copy_bytes(moved, ptr, smaller(usable, size));
    release(ptr);
    return moved;
  }

  static ArenaStats stats_of(TheArena& arena, Resident resident);

  Footprint footprint_;
  HugeBlocks<Kernel> huge_{footprint_};
  ArenaSet<Kernel> arenas_{footprint_};
};

using ProcessHeap = BasicProcessHeap<Pages>;

// ---- statistics ----

template <class Kernel>
ArenaStats BasicProcessHeap<Kernel>::stats_of(TheArena& arena, Resident resident) {
  // The two words of overhead: the prefix, which the engine takes for payload, and the engine's
  // tag.
  constexpr size_t kPrefixAndTag = BlockPrefix::kSize + kTagSize;
  const Counters counters = arena.engine().get_counters();
  ArenaStats stats;
  stats.allocations = counters.total_allocations;
  stats.frees = counters.freed_allocations();
  stats.allocated = counters.live_bytes - counters.live_allocations * BlockPrefix::kSize;
  stats.active = stats.allocated + counters.live_allocations * kPrefixAndTag;
  stats.mapped = counters.claimed_bytes;
  stats.retained = counters.available_bytes;
  stats.metadata = stats.mapped - stats.active - stats.retained;
  stats.heaps = counters.heap_count;
  stats.fragments = counters.gap_count;
  if (resident == Resident::ask) {
    arena.engine().for_each_heap(
        [&](Span heap) { stats.resident += Kernel::resident_bytes(heap); });
  }
  return stats;
}

template <class Kernel>
void BasicProcessHeap<Kernel>::get_stats(ProcessStats& out, Resident resident) {
  out = ProcessStats();
  out.arena_count = arenas_.count();
  for (unsigned i = 0; i < out.arena_count; ++i) {
    // An abandoned arena can't be visited, and does not change either.
    const auto visit = arenas_[i].visit_within(kPatienceMs);
    const ArenaStats& arena = out.arenas[i] = stats_of(arenas_[i], resident);
    out.allocations += arena.allocations;
    out.frees += arena.frees;
    out.allocated += arena.allocated;
    out.active += arena.active;
    out.metadata += arena.metadata;
    out.resident += arena.resident;
    out.mapped += arena.mapped;
    out.retained += arena.retained;
    out.heaps += arena.heaps;
    out.fragments += arena.fragments;
  }
  const auto huge = huge_.get_counts();
  const size_t leaf_bytes = Map::leaf_bytes();
  out.huge_blocks = huge.allocations - huge.frees;
  out.huge_bytes = huge.live_bytes;
  out.allocations += huge.allocations;
  out.frees += huge.frees;
  out.allocated += huge.live_bytes;
  out.active += huge.live_bytes;
  out.metadata += leaf_bytes;
  out.mapped += huge.live_bytes + huge.kept_bytes + leaf_bytes;
  out.retained += huge.kept_bytes;
  out.peak = footprint_.peak_bytes();
  out.heaps += out.huge_blocks;
  out.mappings = out.heaps + huge.kept_count + Map::mapping_count();
  out.system_calls = Kernel::system_calls();
  if (resident == Resident::ask) {
    out.resident += HugeBlocks<Kernel>::resident_bytes();
  }
}

}  // namespace talc
