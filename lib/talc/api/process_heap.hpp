// ProcessHeap: the heap of a whole process, from which malloc and its kin are made in a few lines
// each.
//
//     allocate(size) ── up to 32 KiB: a small block ──> ThreadCache ──> SmallBlocks ──> SlabBank
//                  ├─── up to 4 MiB: a middle block ──> ArenaSet ──> Arena ──> Talc ──> MapOnOom
//                  └─── above, or aligned beyond 1 MiB: a huge block ──> HugeBlocks ──> kernel
//     release(ptr) ──> PageMap: whose is it? ── a slab's, an arena's, huge, returned, nobody's
//
// A constant at compile time: it serves before any constructor has run, in dlsym, in the last
// moments of a thread or a process, and across fork. It never touches errno, stdio or the
// environment. One object for each Kernel in a process, since the page map is one, too; and one
// whose small blocks threads cache. Used by interpose/, which owns it.
#pragma once

#include "talc/api/arena_set.hpp"
#include "talc/api/huge_blocks.hpp"
#include "talc/api/process_stats.hpp"
#include "talc/api/small_blocks.hpp"

namespace talc {

template <class Kernel>
class BasicProcessHeap {
 public:
  constexpr BasicProcessHeap() = default;
  BasicProcessHeap(const BasicProcessHeap&) = delete;
  BasicProcessHeap& operator=(const BasicProcessHeap&) = delete;

  // ---- the fast paths: no lock, no call ----

  // Returns a block of `size` bytes aligned to 16 if this thread has one at hand, else null: then
  // allocate is to be called. Cost: 17 instructions on x86-64.
  static void* try_allocate(size_t size) {
    if (size > SizeClasses::kMaxTableSize) [[unlikely]] {
      return nullptr;
    }
    return Current::get().take_at(SizeClasses::scaled_class_of(size));
  }

  // Takes `ptr` back if it is a small block of this thread's arena and there is room for it. False:
  // release is to be called; nothing has happened. Any pointer may be asked about, null too.
  // Cost: 29 instructions on x86-64.
  static bool try_release(void* ptr) { return Current::get().put(Map::get_if_aligned(ptr), ptr); }

  // ---- all of it ----

  // Returns a block of `size` bytes, aligned to `align` and to 16, or null when memory is out; of
  // size 0, a block of its own. Requires: `align` is a power of two.
  // Cost: as SmallBlocks::allocate and Talc::malloc; above 4 MiB one or two system calls.
  // Locks: one arena's.
  void* allocate(size_t size, size_t align) {
    if (const unsigned size_class = small_class(size, align); size_class != SizeClasses::kCount) {
      return allocate_small(size_class);
    }
    return is_middle(size, align) ? allocate_middle(size, align, 0)
                                  : allocate_huge(size, align, Contents::any);
  }

  // As allocate, and the first `size` bytes are zero. Fresh pages of large blocks are not touched.
  void* allocate_zeroed(size_t size, size_t align) {
    if (const unsigned size_class = small_class(size, align); size_class != SizeClasses::kCount) {
      void* const block = allocate_small(size_class);
      if (block != nullptr) {
        zero_bytes(block, size);
      }
      return block;
    }
    if (!is_middle(size, align)) {
      return allocate_huge(size, align, Contents::zero);
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
    if (entry.kind() == PageEntry::Kind::small) [[likely]] {
      return reallocate_small(entry, ptr, size);
    }
    if (entry.kind() == PageEntry::Kind::heap) {
      return reallocate_middle(arenas_[entry.arena()], ptr, size);
    }
    require_huge(ptr, entry, Fault::use_after_free);
    return reallocate_huge(ptr, entry, size);
  }

  // Takes a block back. Requires: as reallocate. Locks: never waits for one.
  void release(void* ptr) {
    const PageEntry entry = Map::get(ptr);
    if (entry.kind() == PageEntry::Kind::small) [[likely]] {
      small_.release(ptr, entry);
      return;
    }
    if (entry.kind() == PageEntry::Kind::heap) {
      TheArena& arena = arenas_[entry.arena()];
      const size_t usable = arena.usable_size(ptr, Fault::double_free);
      if (!SmallBlocks<Kernel>::put_hot(entry.arena(), ptr, usable)) {
        arena.release(ptr, usable);
      }
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
    if (entry.kind() == PageEntry::Kind::small) [[likely]] {
      return SmallBlocks<Kernel>::usable_size(ptr, entry);
    }
    if (entry.kind() == PageEntry::Kind::heap) {
      return arenas_[entry.arena()].usable_size(ptr, Fault::use_after_free);
    }
    require_huge(ptr, entry, Fault::use_after_free);
    return HugeBlocks<Kernel>::length_at(ptr, entry);
  }

  // Whether `ptr` points into a slab, a heap of an arena, or into the first 64 KiB of a huge block:
  // whether release would look at it at all. Never touches what it points to.
  bool owns(const void* ptr) const {
    const PageEntry::Kind kind = Map::get(ptr).kind();
    return kind != PageEntry::Kind::none && kind != PageEntry::Kind::returned;
  }

  // Gives back to the kernel what nobody uses, but for `pad_bytes` on top of each arena. Returns
  // whether there was anything. Cost: linear in the number of blocks.
  bool trim(size_t pad_bytes) {
    small_.empty_own();
    small_.empty_free_caches();
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
  void after_fork_in_child() {
    if (arenas_.after_fork_in_child()) {
      small_.adopt_in_child();
    }
  }

  // For a thread's end: see ThreadExit. `cache` is what it was armed with.
  void end_thread(void* cache) { small_.end_thread(*static_cast<ThreadCache*>(cache)); }
  // Asks to be told of this thread's end, if it has a cache already.
  static void arm_thread() {
    if (Current::get().is_one()) {
      ThreadExit::arm(&Current::get());
    }
  }

 private:
  using Map = PageMap<Kernel>;
  using Current = CurrentCache<Kernel>;
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

  // SizeClasses::kCount if the block is not a small one.
  static unsigned small_class(size_t size, size_t align) {
    if (size > SizeClasses::kMaxSize) {
      return SizeClasses::kCount;
    }
    return align <= SizeClasses::kStep ? SizeClasses::class_of(size)
                                       : SizeClasses::class_for(size, align);
  }

  static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

  void* allocate_small(unsigned size_class) {
    if (void* const block = Current::get().take(size_class)) [[likely]] {
      return block;
    }
    if (void* const block = small_.allocate(size_class)) [[likely]] {
      return block;
    }
    return trim(0) ? small_.allocate(size_class) : nullptr;
  }

  void* allocate_middle(size_t size, size_t align, size_t cleared_bytes) {
    if (align <= BlockPrefix::kBlockAlign && cleared_bytes == 0) {
      if (void* const block = SmallBlocks<Kernel>::take_hot(size)) {
        return block;
      }
    }
    const size_t usable = BlockPrefix::usable_for(size);
    const size_t block_align = align < BlockPrefix::kBlockAlign ? BlockPrefix::kBlockAlign : align;
    if (void* const block = arenas_.visit()->allocate(usable, block_align, cleared_bytes))
        [[likely]] {
      return block;
    }
    // What others hold, or nobody uses, may be in the way.
    void* block = nullptr;
    const auto allocate = [&](const typename TheArena::Visit& visit) {
      block = visit->allocate(usable, block_align, cleared_bytes);
      return block != nullptr;
    };
    (void)(arenas_.visit_until(allocate) || (trim(0) && arenas_.visit_until(allocate)));
    return block;
  }

  enum class Contents : bool { any, zero };

  [[gnu::noinline]] void* allocate_huge(size_t size, size_t align, Contents contents) {
    if (size > kMaxSize || align > kMaxSize) {
      return nullptr;
    }
    void* const block = contents == Contents::zero ? huge_.allocate_zeroed(size, align)
                                                   : huge_.allocate(size, align);
    // What the arenas retain may have been in the way, if it is that much.
    if (block != nullptr || size > Footprint<Kernel>::mapped_bytes() || !trim(0)) [[likely]] {
      return block;
    }
    return huge_.allocate_zeroed(size, align);
  }

  static void require_huge(const void* ptr, PageEntry entry, Fault if_returned) {
    if (entry.kind() != PageEntry::Kind::huge) [[unlikely]] {
      raise_fault(entry.kind() == PageEntry::Kind::returned ? if_returned : Fault::invalid_pointer,
                  ptr);
    }
  }

  // Stays where it is unless it does not fit, or would leave more than half of its slot unused.
  void* reallocate_small(PageEntry entry, void* ptr, size_t size) {
    const size_t usable = SmallBlocks<Kernel>::usable_size(ptr, entry);
    if (size <= usable &&
        (size > usable / 2 || SizeClasses::class_of(size) == entry.size_class())) {
      return ptr;
    }
    return copy_to_new(ptr, usable, size);
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

  ArenaStats stats_of(TheArena& arena, Resident resident);

  HugeBlocks<Kernel> huge_;
  ArenaSet<Kernel> arenas_;
  SmallBlocks<Kernel> small_{arenas_};
};

using ProcessHeap = BasicProcessHeap<Pages>;

// ---- statistics ----

template <class Kernel>
ArenaStats BasicProcessHeap<Kernel>::stats_of(TheArena& arena, Resident resident) {
  // The two words of overhead: the prefix, which the engine takes for payload, and the engine's
  // tag.
  constexpr size_t kPrefixAndTag = BlockPrefix::kSize + kTagSize;
  const Counters counters = arena.engine().get_counters();
  const auto small = small_.stats_of(arena);
  const size_t hot_active = small.hot_bytes + small.hot * kPrefixAndTag;
  const size_t middle_count = counters.live_allocations - arena.chunks().count - small.hot;
  const size_t middle_bytes = counters.live_bytes - arena.chunks().bytes -
                              small.hot * BlockPrefix::kSize - small.hot_bytes -
                              middle_count * BlockPrefix::kSize;
  ArenaStats stats;
  stats.allocations = counters.total_allocations - arena.chunks().total + small.allocations;
  stats.frees = stats.allocations - middle_count - small.live;
  stats.allocated = middle_bytes + small.live_bytes;
  stats.active = stats.allocated + middle_count * kPrefixAndTag;
  stats.cached = small.cached_bytes + hot_active;
  stats.in_transit = small.in_transit_bytes;
  stats.slabs = arena.bank().slab_bytes();
  stats.mapped = counters.claimed_bytes;
  stats.retained =
      counters.available_bytes + arena.bank().group_bytes() - small.live_bytes + hot_active;
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
    out.cached += arena.cached;
    out.in_transit += arena.in_transit;
    out.slabs += arena.slabs;
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
  out.peak = Footprint<Kernel>::peak_bytes();
  out.heaps += out.huge_blocks;
  out.mappings = out.heaps + huge.kept_count + Map::mapping_count();
  out.system_calls = Kernel::system_calls();
  if (resident == Resident::ask) {
    out.resident += HugeBlocks<Kernel>::resident_bytes();
  }
}

}  // namespace talc
