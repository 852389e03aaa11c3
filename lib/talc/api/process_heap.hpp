// ProcessHeap: the heap of a whole process, from which malloc and its kin are made in a few lines
// each.
//
//     allocate(size) ── up to 8 KiB: a small block ──> ThreadCache ──> SmallBlocks ──> SlabBank
//                  ├─── up to 4 MiB: a middle block ──> MiddleBlocks ──> Arena ──> Talc ──> MapOnOom
//                  └─── above, or aligned beyond 1 MiB: a huge block ──> HugeBlocks ──> kernel
//     release(ptr) ──> PageMap: whose is it? ── a slab's, an arena's, huge, returned, nobody's
//
// A constant at compile time: it serves before any constructor has run, in dlsym, in the last
// moments of a thread or a process, and across fork. It never touches errno, stdio or the
// environment. One object for each Kernel in a process, since the page map is one, too; and one
// whose small blocks threads cache. Used by interpose/, which owns it.
#pragma once

#include "talc/api/block_walk.hpp"
#include "talc/api/huge_blocks.hpp"
#include "talc/api/middle_blocks.hpp"
#include "talc/api/process_stats.hpp"
#include "talc/api/purger.hpp"
#include "talc/api/reserve.hpp"
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
  // allocate is to be called. Cost: 18 instructions on x86-64.
  static void* try_allocate(size_t size) {
    if (size > SizeClasses::kMaxSize) [[unlikely]] {
      return nullptr;
    }
    return Current::get().take_at(ClassMap<Kernel>::scaled_class_of(size));
  }

  // The same for a block aligned to `align`, which is a power of two. Cost: some 30 instructions.
  static void* try_allocate(size_t size, size_t align) {
    const unsigned size_class = small_class(size, align);
    return size_class == SizeClasses::kCount ? nullptr : Current::get().take(size_class);
  }

  // The same for a block that try_allocate had none for: a middle one that this thread freed lately.
  // Cost: some 40 instructions.
  static void* try_allocate_hot(size_t size) { return MiddleBlocks<Kernel>::take_hot(size); }

  // Takes `ptr` back if it is a small block of this thread's arena and there is room for it. False:
  // release is to be called; nothing has happened. Any pointer may be asked about, null too.
  // Cost: 22 instructions on x86-64.
  static bool try_release(void* ptr) {
    ThreadCache& cache = Current::get();
    const size_t index = Map::near_index(ptr, cache.near_base());
    return index < Map::kNearSize && cache.put(Map::near_entry(index), ptr);
  }

  // Whether a block of `size` bytes may stay where it is: a small block of this thread's arena that
  // is large enough and not twice as large. False: reallocate is to be called. Any pointer may be
  // asked about. Cost: some 40 instructions.
  static bool may_stay(const void* ptr, size_t size) {
    ThreadCache& cache = Current::get();
    const size_t index = Map::near_index(ptr, cache.near_base());
    const PageEntry entry = index < Map::kNearSize ? Map::near_entry(index) : PageEntry();
    if (!cache.owns(entry)) [[unlikely]] {
      return false;
    }
    const unsigned size_class = entry.size_class();
    const size_t usable = SizeClasses::size_of(size_class);
    return size <= usable && size > usable / 2 && Slab::granules_of(size_class) == 1 &&
           Slab::is_slot_in_granule(ptr, size_class) && !cache.magazine(size_class).is_on_top(ptr);
  }

  // ---- all of it ----

  // Returns a block of `size` bytes, aligned to `align` and to 16, or null when memory is out; of
  // size 0, a block of its own. Requires: `align` is a power of two.
  // Cost: as SmallBlocks::allocate and Talc::malloc; above 4 MiB one or two system calls.
  // Locks: one arena's.
  void* allocate(size_t size, size_t align) {
    if (PurgeNotice<Kernel>::read() != 0) [[unlikely]] {
      return allocate_after_notice(size, align);
    }
    if (const unsigned size_class = small_class(size, align); size_class != SizeClasses::kCount) {
      return allocate_small(size_class);
    }
    return is_middle(size, align) ? allocate_middle(size, align)
                                  : allocate_huge(size, align, Contents::any);
  }

  // As allocate, and the first `size` bytes are zero. Fresh pages of large blocks are not touched; of those
  // that were freed a moment before, what is in memory is written.
  void* allocate_zeroed(size_t size, size_t align) {
    if (PurgeNotice<Kernel>::read() != 0) [[unlikely]] {
      purger_.obey(*this, ThePurger::Caller::allocates);
    }
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
    return allocate_zeroed_middle(size, align);
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
      return reallocate_middle(ptr, entry.arena(), size);
    }
    require_huge(ptr, entry, Fault::use_after_free);
    return reallocate_huge(ptr, entry, size);
  }

  // Takes a block back. Requires: as reallocate. Locks: never waits for one.
  void release(void* ptr) {
    if (!try_release_near(ptr)) [[unlikely]] {
      release_far(ptr);
    }
  }

  // The same for a small or a middle block near the first heaps. False: release is to be called, which
  // says what is wrong. Any pointer may be asked about, null too. Inlined, so that what it calls is jumped to.
  [[gnu::always_inline]] bool try_release_near(void* ptr) {
    const size_t index = Map::near_granule(ptr);
    return index < Map::kNearSize && try_release_as(ptr, Map::near_entry(index));
  }

  // The bytes that the block at `ptr` has, at least as many as were asked for, and always the same
  // number until it is reallocated. Requires: as reallocate; a block that was released is a fault
  // named `if_freed`. Cost: two loads of the page map, one of the block.
  size_t usable_size(const void* ptr, Fault if_freed = Fault::use_after_free) {
    const PageEntry entry = Map::get(ptr);
    if (entry.kind() == PageEntry::Kind::small) [[likely]] {
      return SmallBlocks<Kernel>::usable_size(ptr, entry, if_freed);
    }
    if (entry.kind() == PageEntry::Kind::heap) {
      return middle().usable_size(ptr, entry.arena(), if_freed);
    }
    require_huge(ptr, entry, if_freed);
    return HugeBlocks<Kernel>::length_at(ptr, entry);
  }

  // As reallocate, without copying if the kernel would; null, and nothing has happened, unless `ptr` is
  // a huge block and size ≥ 1 MiB. Requires: as reallocate. Cost: a system call.
  void* move_pages(void* ptr, size_t size) {
    const PageEntry entry = Map::get(ptr);
    return entry.kind() != PageEntry::Kind::huge || size < kMinHuge || size > kMaxSize
               ? nullptr
               : huge_.resize(ptr, HugeBlocks<Kernel>::length_at(ptr, entry), size);
  }

  // Whether `ptr` points into a slab, a heap of an arena, or into the first 64 KiB of a huge block:
  // whether release would look at it at all. Never touches what it points to.
  bool owns(const void* ptr) const {
    const PageEntry::Kind kind = Map::get(ptr).kind();
    return kind != PageEntry::Kind::none && kind != PageEntry::Kind::returned;
  }

  // Whether `ptr` is in no memory of ours. Where there was some once, and perhaps is somebody else's by
  // now, the page map does not tell: then the heaps do. Never touches what it points to, nor takes a
  // block that is live, or was freed and is not unmapped, for foreign; rather a foreign one for ours.
  // Cost: a load or two; linear in the number of heaps where ours once were. Locks: then each arena's.
  bool is_foreign(const void* ptr) {
    const PageEntry::Kind kind = Map::get(ptr).kind();
    return kind == PageEntry::Kind::none || (kind == PageEntry::Kind::returned && is_unmapped(ptr));
  }

  // Calls f(WalkedBlock) for each block: see BlockWalk::walk.
  template <class F>
  WalkEnd walk(F f) {
    return BlockWalk<Kernel>::walk(caches_, f);
  }

  // What is set aside for when memory runs out.
  Reserve<Kernel>& reserve() { return reserve_; }
  // Has the reserve again, if it was given up and there is room; not while the program's OOM handler
  // makes room for something else. Cost: as Reserve::refill.
  void refill_reserve() {
    if (!ThreadNote::is_asking()) {
      reserve_.refill();
    }
  }

  // Gives back to the kernel what nobody uses, but for `pad_bytes` on top of each arena. Returns
  // whether there was anything. Cost: linear in the number of blocks. Locks: one arena's at a time, for
  // which it waits a second at most.
  bool trim(size_t pad_bytes) {
    caches_.empty_own();
    caches_.empty_free();
    bool has_trimmed = huge_.trim();
    for (unsigned i = 0; i < arenas().count(); ++i) {
      if (const auto visit = arenas()[i].visit_within(kPatienceMs)) {
        has_trimmed |= visit->trim(pad_bytes);
      }
    }
    return has_trimmed;
  }

  // Bytes that heaps and huge blocks have mapped now.
  static size_t mapped_bytes() { return Footprint<Kernel>::mapped_bytes(); }

  // For the purger (purger.hpp): purges what `pass` is to take, in visits that are short.
  // Cost: linear in the number of slabs and gaps. Locks: one arena's at a time; one that is not to be had
  // in 20 ms is left out.
  void purge(PurgePass& pass);
  // The same, of what is not idle too, until `dirty_bytes` are left.
  void purge_to(size_t dirty_bytes, PurgePass& pass);
  // An upper bound of what is dirty, in bytes, as each arena noted it last: it may have freed a MiB
  // since. Cost: linear in the number of arenas. Locks: none.
  size_t dirty_bytes_at_most();
  // What the background thread is to do, and in how many milliseconds again.
  unsigned work_in_background() {
    refill_reserve();
    return purger_.work(*this);
  }
  // What the purger has done so far.
  PurgeCounts purge_counts() const { return purger_.counts(); }

  // Whether get_stats also asks what is resident: a system call for each 8 MiB.
  enum class Resident : bool {
    skip,  // resident is 0
    ask,   // resident is counted
  };

  // heap_statistics.hpp. With `detail`, that as well, of the same moments. Cost: linear in the caches, and
  // with what is resident in the blocks. Locks: one arena's at a time, for which it waits a second at most.
  void get_stats(ProcessStats& out, Resident resident = Resident::ask,
                 HeapDetail* detail = nullptr);

  // For pthread_atfork, registered before there is a second thread. Another library's fork handlers
  // may allocate at any time. Locks: libc's stdio lock and every arena's, from before to after.
  void before_fork() { arenas().before_fork(); }
  // The same.
  void after_fork_in_parent() { arenas().after_fork_in_parent(); }
  // The same. What threads that are gone had in their caches is lost to the child.
  void after_fork_in_child() {
    if (arenas().after_fork_in_child()) {
      caches_.begin_in_child();
      purger_.begin_in_child();
    }
  }

  // Once, when the process begins: from now on there may be a background thread, which runs `work`.
  void begin_process(BackgroundThread::Work work) { purger_.begin_process(work); }
  // Before that: see PageMap.
  static void refuse_huge_tables() { Map::refuse_huge_pages(); }
  // There is to be one, whatever the purger needs: now, and in the child of a fork as soon as that
  // allocates. Requires: as allocate; begin_process was called.
  void require_background_thread() { purger_.require_thread(*this); }

  // For a thread's end: see ThreadExit. `cache` is what it was armed with.
  void end_thread(void* cache) {
    caches_.end_thread(*static_cast<ThreadCache*>(cache));
    PurgeNotice<Kernel>::thread().note_thread_end();
  }
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
  using ThePurger = Purger<Kernel>;

  static constexpr size_t kMaxMiddleAlign = size_t{1} << 20;
  // A huge block that shrinks below this goes into an arena: its length counts 64 KiB.
  static constexpr size_t kMinHuge = size_t{1} << 20;
  // Clearing less than this costs less than finding out how much of it is fresh.
  static constexpr size_t kMinFresh = size_t{16} << 10;
  static constexpr size_t kMaxSize = ~size_t{0} / 2;
  static constexpr unsigned kPatienceMs = 1000;
  // A pass of the purger waits no longer for an arena, and asks the kernel no more often in one visit.
  static constexpr unsigned kPurgePatienceMs = 20;
  // So long a thread takes to wake up.
  static constexpr unsigned kHandOverUs = 50;

  // One part of a pass over an arena. Returns whether there is another.
  bool purge_part(Arena<Kernel>& arena, PurgePass& pass);

  // The purger is told before anything else happens, so that the usual ways end in a jump.
  [[gnu::cold, gnu::noinline]] void* allocate_after_notice(size_t size, size_t align) {
    purger_.obey(*this, ThePurger::Caller::allocates);
    return allocate(size, align);
  }
  static bool is_to_obey_before_release() {
    return (PurgeNotice<Kernel>::read() & PurgeNotice<Kernel>::kFreed) != 0;
  }
  static bool is_middle(size_t size, size_t align) {
    return size <= MiddleBlocks<Kernel>::kMaxSize && align <= kMaxMiddleAlign;
  }

  // SizeClasses::kCount if the block is not a small one.
  static unsigned small_class(size_t size, size_t align) {
    if (size > SizeClasses::kMaxSize) {
      return SizeClasses::kCount;
    }
    return align <= SizeClasses::kStep ? ClassMap<Kernel>::class_of(size)
                                       : ClassMap<Kernel>::class_for(size, align);
  }

  ArenaSet<Kernel>& arenas() { return caches_.arenas(); }
  MiddleBlocks<Kernel> middle() { return MiddleBlocks<Kernel>(caches_); }

  void* allocate_small(unsigned size_class) {
    if (void* const block = SmallBlocks<Kernel>::allocate(caches_, size_class)) [[likely]] {
      return block;
    }
    trim(0);
    return SmallBlocks<Kernel>::allocate(caches_, size_class);
  }

  [[gnu::always_inline]] void* allocate_middle(size_t size, size_t align) {
    void* const hot = take_hot(size, align);
    return hot != nullptr ? hot : allocate_from_arena(size, align, 0);
  }
  // What was freed a moment ago has its memory still, and is cleared more quickly than fresh pages come; and
  // what is quickly cleared is cleared without the lock.
  [[gnu::noinline]] void* allocate_zeroed_middle(size_t size, size_t align) {
    void* block = take_hot(size, align);
    if (block == nullptr && size >= kMinFresh) {
      return allocate_from_arena(size, align, size);
    }
    block = block == nullptr ? allocate_from_arena(size, align, 0) : block;
    if (block != nullptr) {
      zero_bytes(block, size);
    }
    return block;
  }

  [[gnu::always_inline]] static void* take_hot(size_t size, size_t align) {
    return align <= BlockPrefix::kBlockAlign ? try_allocate_hot(size)
                                             : MiddleBlocks<Kernel>::take_hot_aligned(size, align);
  }

  void* allocate_from_arena(size_t size, size_t align, size_t cleared_bytes) {
    if (void* const block = middle().allocate(size, align, cleared_bytes)) [[likely]] {
      return block;
    }
    // What nobody uses may be in the way; or was, and another thread has just given it back.
    trim(0);
    return middle().allocate(size, align, cleared_bytes);
  }

  enum class Contents : bool { any, zero };

  [[gnu::noinline]] void* allocate_huge(size_t size, size_t align, Contents contents) {
    if (size > kMaxSize || align > kMaxSize) {
      return nullptr;
    }
    void* const block = take_huge(size, align, contents);
    // What the arenas retain may have been in the way, if it is that much.
    if (block != nullptr || size > most_in_the_way()) [[likely]] {
      return block;
    }
    trim(0);
    return take_huge(size, align, contents);
  }
  void* take_huge(size_t size, size_t align, Contents contents) {
    return contents == Contents::zero ? huge_.allocate_zeroed(size, align)
                                      : huge_.allocate(size, align);
  }

  // A request for more cannot be helped by giving back what nobody uses.
  static size_t most_in_the_way() {
    const size_t limit = settings.heap_limit.load(std::memory_order_relaxed);
    return limit == Settings::kUnlimited ? Footprint<Kernel>::mapped_bytes() : limit;
  }

  // Where release goes on, without a stack frame where the usual ways lead. False: it is neither a small nor
  // a middle block.
  [[gnu::always_inline]] bool try_release_as(void* ptr, PageEntry entry) {
    if (entry.is_heap()) {
      release_middle(ptr, entry.arena());
    } else if (entry.is_small()) {
      release_small(ptr, entry);
    } else {
      return false;
    }
    return true;
  }
  [[gnu::noinline]] void release_small(void* ptr, PageEntry entry) {
    if (is_to_obey_before_release()) [[unlikely]] {
      obey_and_release(ptr);
    } else {
      SmallBlocks<Kernel>::release(caches_, ptr, entry);
    }
  }
  [[gnu::noinline]] void release_middle(void* ptr, unsigned arena) {
    if (!MiddleBlocks<Kernel>::try_release_hot(ptr, arena)) {
      release_to_arena(ptr, arena);
    }
  }
  [[gnu::noinline]] void release_to_arena(void* ptr, unsigned arena) {
    if (is_to_obey_before_release()) [[unlikely]] {
      obey_and_release(ptr);
    } else {
      middle().release(ptr, arena);
    }
  }
  // What the page map said of `ptr` may have changed meanwhile, if it was released already.
  [[gnu::cold, gnu::noinline]] void obey_and_release(void* ptr) {
    purger_.obey(*this, ThePurger::Caller::releases);
    release(ptr);
  }
  [[gnu::noinline]] void release_far(void* ptr) {
    const PageEntry entry = Map::get(ptr);
    if (!try_release_as(ptr, entry)) {
      release_huge(ptr, entry);
    }
  }
  [[gnu::noinline]] void release_huge(void* ptr, PageEntry entry) {
    require_huge(ptr, entry, Fault::double_free);
    if (is_to_obey_before_release()) [[unlikely]] {
      purger_.obey(*this, ThePurger::Caller::releases);
    }
    huge_.release(ptr, entry);
    refill_reserve();
  }

  [[gnu::cold, gnu::noinline]] bool is_unmapped(const void* ptr) {
    bool is_ours = huge_.may_hold(ptr);
    for (unsigned i = 0; i < arenas().count() && !is_ours; ++i) {
      const auto visit = arenas()[i].visit_within(kPatienceMs);
      if (!visit) {
        return false;
      }
      visit->for_each_engine([&](auto& engine) {
        engine.for_each_heap([&](Span heap) { is_ours = is_ours || heap.contains(ptr); });
      });
    }
    return !is_ours;
  }

  static void require_huge(const void* ptr, PageEntry entry, Fault if_returned) {
    if (entry.kind() != PageEntry::Kind::huge) [[unlikely]] {
      raise_fault(entry.kind() == PageEntry::Kind::returned ? if_returned : Fault::invalid_pointer,
                  ptr);
    }
  }

  // Stays where it is unless it does not fit, or would leave more than half of its slot unused.
  void* reallocate_small(PageEntry entry, void* ptr, size_t size) {
    const size_t usable = SmallBlocks<Kernel>::usable_size(ptr, entry, Fault::use_after_free);
    if (size <= usable &&
        (size > usable / 2 || ClassMap<Kernel>::class_of(size) == entry.size_class())) {
      return ptr;
    }
    return move(ptr, usable, size);
  }

  void* reallocate_middle(void* ptr, unsigned arena, size_t size) {
    const size_t usable = middle().usable_size(ptr, arena, Fault::use_after_free);
    return middle().resize_in_place(ptr, arena, usable, size) ? ptr : move(ptr, usable, size);
  }

  // What has grown will grow again: a buffer that grows by little steps is not to be copied at each. tcmalloc
  // does so, too.
  void* move(void* ptr, size_t usable, size_t size) {
    const size_t roomy = MiddleBlocks<Kernel>::with_room_to_grow(usable);
    if (size > usable && size < roomy) {
      if (void* const moved = copy_to_new(ptr, usable, roomy)) [[likely]] {
        return moved;
      }
    }
    return copy_to_new(ptr, usable, size);
  }

  void* reallocate_huge(void* ptr, PageEntry entry, size_t size) {
    const size_t length = HugeBlocks<Kernel>::length_at(ptr, entry);
    if (void* const resized = move_pages(ptr, size)) {
      return resized;
    }
    if (void* const moved = copy_to_new(ptr, length, size)) {
      return moved;
    }
    // There is no room for two; but what was in the way of a longer one has gone meanwhile.
    return size <= length ? ptr : move_pages(ptr, size);
  }

  void* copy_to_new(void* ptr, size_t usable, size_t size) {
    void* moved = try_allocate(size);
    if (moved == nullptr) [[unlikely]] {
      moved = allocate(size, BlockPrefix::kBlockAlign);
      if (moved == nullptr) {
        return size <= usable ? ptr : nullptr;
      }
    }
    copy_bytes(moved, ptr, smaller(usable, size));
    if (!try_release(ptr)) [[unlikely]] {
      release(ptr);
    }
    return moved;
  }

  // heap_statistics.hpp
  ArenaStats stats_of(TheArena& arena, bool has_visit, Resident resident, HeapDetail* detail);
  static void walk_free(TheArena& arena, ArenaStats& stats, Resident resident);
  static void map_heaps(TheArena& arena, HeapDetail& detail);

  ThreadCaches<Kernel> caches_;
  HugeBlocks<Kernel> huge_;
  ThePurger purger_;
  Reserve<Kernel> reserve_;
};

// The one over Linux.
using ProcessHeap = BasicProcessHeap<Pages>;

// ---- purging ----

template <class Kernel>
void BasicProcessHeap<Kernel>::purge(PurgePass& pass) {
  for (unsigned i = 0; i < arenas().count(); ++i) {
    pass.is_resumed = false;
    while (purge_part(arenas()[i], pass)) {
    }
  }
  pass.begin_free_part();
  huge_.purge(pass);
  pass.live_bytes += huge_.get_counts().live_bytes;
}

template <class Kernel>
void BasicProcessHeap<Kernel>::purge_to(size_t dirty_bytes, PurgePass& pass) {
  PurgePass rest{.takes = PurgePass::Takes::all, .number = pass.number};
  const size_t excess = pass.dirty_bytes - dirty_bytes;
  huge_.purge(rest);
  for (unsigned i = 0; i < arenas().count() && rest.purged_bytes < excess; ++i) {
    rest.is_resumed = false;
    while (purge_part(arenas()[i], rest) && rest.purged_bytes < excess) {
    }
  }
  pass.purged_bytes += rest.purged_bytes;
  pass.dirty_bytes -= smaller(rest.purged_bytes, pass.dirty_bytes);
}

// Between two parts whoever sleeps for the arena gets it: he would else find it taken again whenever he is
// woken.
template <class Kernel>
bool BasicProcessHeap<Kernel>::purge_part(Arena<Kernel>& arena, PurgePass& pass) {
  if (pass.is_resumed && arena.lock().is_awaited()) {
    pause_us(kHandOverUs);
  }
  const auto visit = arena.visit_within(kPurgePatienceMs);
  if (!visit) {
    return false;
  }
  pass.begin_part();
  visit->purge(pass);
  pass.is_resumed = !pass.may_go_on();
  pass.live_bytes += pass.is_resumed ? 0 : visit->claimed_bytes() - visit->free_bytes();
  return pass.is_resumed;
}

template <class Kernel>
size_t BasicProcessHeap<Kernel>::dirty_bytes_at_most() {
  size_t dirty_bytes = huge_.get_counts().kept_bytes;
  for (unsigned i = 0; i < arenas().count(); ++i) {
    dirty_bytes += arenas()[i].noted_free_bytes();
  }
  return dirty_bytes;
}

}  // namespace talc

#include "talc/api/heap_statistics.hpp"  // IWYU pragma: export
