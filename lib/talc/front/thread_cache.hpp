// ThreadCache: what stands between a thread and its arena: a magazine for each size class, a few
// middle blocks, and an outbox for blocks of other arenas.
//
//   CurrentCache ─> | tag | magazine 0 | magazine 1 | … | magazine 159 | supplies | hot | outbox |
//                           malloc: take           free: put, if the page map's entry minus the
//                                                        tag is a magazine's offset
//
// The fast paths are here: no lock, no atomic operation, no shared line written, no call. A thread
// begins with a constant cache in which every magazine is empty, so they need not ask whether there
// is one; and ends with it, when its own has been emptied. What a cache may hold is bounded:
// max_capacity() slots in each of two arrays, Outbox::kMaxBytes, HotBlocks::kMaxBytes. Magazines that
// are full or empty are the matter of SmallBlocks, which owns the caches, and moves slots between
// them and the arenas' banks.
#pragma once

#include "talc/front/hot_blocks.hpp"
#include "talc/front/magazine.hpp"
#include "talc/front/outbox.hpp"
#include "talc/front/page_map.hpp"

namespace talc {

class alignas(64) ThreadCache {
 public:
  static constexpr unsigned kNoArena = ~0U;
  static constexpr size_t kMaxArrayBytes = size_t{64} << 10;
  static constexpr unsigned kMaxCapacity = 1024;
  static constexpr unsigned kMinCapacity = 8;

  // The slots that each array of a class may have: kMaxArrayBytes worth, within limits.
  static constexpr unsigned max_capacity(unsigned size_class) {
    const size_t slots = kMaxArrayBytes / SizeClasses::size_of(size_class);
    return slots < kMinCapacity
               ? kMinCapacity
               : static_cast<unsigned>(slots < kMaxCapacity ? slots : kMaxCapacity);
  }
  // And has at first.
  static constexpr unsigned first_capacity(unsigned size_class) {
    const size_t slots = kFirstArrayBytes / SizeClasses::size_of(size_class);
    return static_cast<unsigned>(slots < 2 ? 2 : slots < 32 ? slots : 32);
  }

  // What is known of a magazine beside it.
  struct Supply {
    std::atomic<uint16_t> capacity{0};
    std::atomic<uint16_t> spare_depth{0};
    uint16_t next_refill = 0;
    uint16_t moves = 0;  // Magazine::moves() when MagazineSupply looked last
    // Slots at the bottom of the arrays whose pages were populated when they came, and which were perhaps
    // never handed out.
    std::atomic<uint16_t> populated{0};
  };

  // The one that is none().
  constexpr ThreadCache() = default;
  // Begins as one that is being changed.
  ThreadCache(unsigned arena, size_t near_base)
      : near_base_(near_base), tag_(PageEntry::tag_of(arena)), arena_(arena), changing_(true) {
    for (Magazine& magazine : magazines_) {
      magazine.begin_empty();
    }
  }
  ThreadCache(const ThreadCache&) = delete;
  ThreadCache& operator=(const ThreadCache&) = delete;

  // ---- the fast paths ----

  // A block of the class whose magazine has this offset, or null.
  void* take_at(size_t offset) { return magazine_at(offset).take(); }
  void* take(unsigned size_class) { return magazines_[size_class].take(); }

  // Takes back a block that begins where `entry` says that a slab is. False: it is not of this
  // cache's arena, or not small, or its magazine is full, or has it on top already.
  [[gnu::always_inline]] bool put(PageEntry entry, void* block) {
    size_t offset = entry.bits() - tag_;
    const auto magazine = [&]() -> Magazine& {
      forget_sums_of(offset);
      return magazine_at(offset);
    };
    return owns(entry) && Magazine::put(magazine, block);
  }

  // The page map's, here for the fast paths.
  size_t near_base() const { return near_base_; }

  // Whether `entry` is that of a slab of this cache's arena.
  bool owns(PageEntry entry) const { return entry.bits() - tag_ < PageEntry::kMagazineOffsets; }

  // ---- the slow ones ----

  // The cache of a thread that has none: before its first block, and after its end. Never written to.
  static constexpr ThreadCache& none() { return none_; }
  bool is_one() const { return arena_ != kNoArena; }

  unsigned arena() const { return arena_; }
  Magazine& magazine(unsigned size_class) { return magazines_[size_class]; }
  const Magazine& magazine(unsigned size_class) const { return magazines_[size_class]; }
  Supply& supply(unsigned size_class) { return supplies_[size_class]; }
  const Supply& supply(unsigned size_class) const { return supplies_[size_class]; }

  Outbox& outbox() { return outbox_; }
  const Outbox& outbox() const { return outbox_; }
  HotBlocks& hot() { return hot_; }
  const HotBlocks& hot() const { return hot_; }
  // Of hot blocks that were handed out again.
  std::atomic<size_t>& hot_allocations() { return hot_allocations_; }
  size_t hot_allocations() const { return hot_allocations_.load(std::memory_order_relaxed); }

  // Slots of the class in both arrays. A thread that works on its magazine while another looks may
  // show it what never was.
  size_t cached(unsigned size_class) const {
    return size_t{loaded(size_class)} + supplies_[size_class].spare_depth;
  }
  // Of these, at most so many were never handed out although their pages were populated.
  size_t populated(unsigned size_class) const {
    return smaller(size_t{supplies_[size_class].populated}, cached(size_class));
  }
  // Calls f(block) for each of them. Requires: a visit to the arena, or nobody can have one.
  template <class F>
  void for_each_cached(unsigned size_class, F f) const {
    const Supply& supply = supplies_[size_class];
    magazines_[size_class].for_each(supply.capacity, loaded(size_class), supply.spare_depth, f);
  }

  // From the first to the last change of a slow path: what a fork copies in between is not whole.
  class Changing {
   public:
    explicit Changing(ThreadCache& cache) : cache_(cache) { set(true); }
    ~Changing() { set(false); }
    Changing(const Changing&) = delete;
    Changing& operator=(const Changing&) = delete;

   private:
    void set(bool value) { cache_.set_changing(value); }
    ThreadCache& cache_;
  };
  void set_changing(bool value) {
    std::atomic_signal_fence(std::memory_order_seq_cst);
    changing_.store(value, std::memory_order_release);
    std::atomic_signal_fence(std::memory_order_seq_cst);
  }
  bool is_changing() const { return changing_.load(std::memory_order_relaxed); }

  // Whether a thread has it that lives.
  void set_used(bool value) { used_.store(value, std::memory_order_relaxed); }
  bool is_used() const { return used_.load(std::memory_order_relaxed); }

  // MagazineSupply's. What the thread has freed, counted an array at a time, since a magazine was found
  // empty; and what an array may have while that is much.
  size_t freed_bytes = 0;
  uint16_t draining_capacity = 0;
  // While no thread has the cache: what its arrays may hold.
  size_t parked_bytes = 0;
  // The purger's pass in which it last looked for magazines that are idle.
  size_t seen_pass = 0;

  // Links: all caches, and those that wait for a thread.
  ThreadCache* next = nullptr;
  ThreadCache* next_free = nullptr;

 private:
  static constexpr size_t kFirstArrayBytes = size_t{8} << 10;

  unsigned loaded(unsigned size_class) const {
    const unsigned capacity = supplies_[size_class].capacity;
    const unsigned depth = magazines_[size_class].depth(capacity);
    return depth > capacity ? 0 : depth;
  }

  // Sums of addresses: the compiler does not see that `offset` is a multiple of a magazine's size.
  Magazine& magazine_at(size_t offset) {
    return *reinterpret_cast<Magazine*>(reinterpret_cast<char*>(magazines_) + offset);
  }

  // Three accesses each add up their address themselves, for nothing: a sum that is kept is an instruction
  // more.
  static void forget_sums_of(size_t& offset) {
#ifdef __x86_64__
    __asm__("" : "+r"(offset));
#else
    (void)offset;
#endif
  }

  size_t near_base_ = 0;
  uint32_t tag_ = PageEntry::kNoTag;
  uint32_t arena_ = kNoArena;
  Magazine magazines_[SizeClasses::kCount];
  Supply supplies_[SizeClasses::kCount];
  std::atomic<size_t> hot_allocations_{0};
  std::atomic<bool> changing_{false};
  std::atomic<bool> used_{false};
  HotBlocks hot_;
  Outbox outbox_;

  static ThreadCache none_;
};

inline constinit ThreadCache ThreadCache::none_;

// The cache of this thread, for the process heap over `Kernel`.
template <class Kernel>
class CurrentCache {
 public:
  static ThreadCache& get() { return *cache_; }
  static void set(ThreadCache& cache) { cache_ = &cache; }

 private:
  // Initial-exec, because any other TLS is allocated on first use, by malloc.
  [[gnu::tls_model("initial-exec")]] static inline constinit thread_local ThreadCache* cache_ =
      &ThreadCache::none();
};

}  // namespace talc
