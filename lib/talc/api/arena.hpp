// Arena: one engine, its lock, its slabs, and the blocks in it as the program sees them.
//
//     Visit ── the lock ──> Talck<ArenaLock, Talc<MapOnOom>> ── out of memory ──> kernel
//                  └──> SlabBank ──> chunks of the same engine
//     release, when the lock is taken ──> waiting lists ──> freed by the next visitor
//
// A middle block is a chunk of the engine with a prefix (block_prefix.hpp) below its payload. What
// changes the engine happens during a Visit; who can't wait for one, because he only releases a
// block, leaves it on the waiting list, which needs no lock. So a release never waits, and a thread
// that a signal or a fork has stopped within an arena stops nobody else. ArenaSet has one of these
// for every few threads; ProcessHeap sends it sizes that fit.
#pragma once

#include <type_traits>
#include <utility>

#include "talc/api/arena_lock.hpp"
#include "talc/api/block_prefix.hpp"
#include "talc/api/ceded_gaps.hpp"
#include "talc/api/heap_registry.hpp"
#include "talc/api/waiting_blocks.hpp"
#include "talc/core/talc.hpp"
#include "talc/front/slab_bank.hpp"
#include "talc/front/thread_cache.hpp"
#include "talc/os/fault.hpp"
#include "talc/os/map_on_oom.hpp"
#include "talc/os/push_front.hpp"
#include "talc/sync/talck.hpp"

namespace talc {

// Neighbours share no cache line.
template <class Kernel>
class alignas(64) Arena {
 public:
  using Handler = MapOnOom<Kernel, HeapRegistry<Kernel>>;
  // Not compact: a heap that grows with its load always looks scarce, and sparing gaps touches more
  // pages.
  using Engine = Talc<Handler, Config{.fixed_bins = Handler::kFixedBins,
                                      .counters = true,
                                      .spare_top = true,
                                      .compact = false,
                                      .walks_in_parts = true}>;

  // A kernel may want metadata apart from blocks: in heaps of an engine of their own, which nobody
  // reaches who runs over a block's end.
  static constexpr bool kSeparatesMetadata = requires { Kernel::kSeparatesMetadata; };

  // The right to work in an arena; false if it was not to be had.
  class [[nodiscard]] Visit {
   public:
    Visit() = default;
    explicit Visit(Arena& arena) : arena_(&arena) {}
    Visit(Visit&& other) noexcept : arena_(other.arena_) { other.arena_ = nullptr; }
    Visit& operator=(Visit&& other) noexcept {
      std::swap(arena_, other.arena_);
      return *this;
    }
    ~Visit() {
      if (arena_ != nullptr) {
        arena_->lock().unlock();
      }
    }
    explicit operator bool() const { return arena_ != nullptr; }
    Arena* operator->() const { return arena_; }

   private:
    Arena* arena_ = nullptr;
  };

  // All zeros, if the index is 0: arenas that are not used cost nothing.
  constexpr explicit Arena(unsigned index = 0)
      : talck_(Engine(Handler(HeapRegistry<Kernel>(index)))),
        metadata_(Handler(HeapRegistry<Kernel>(index))) {}

  Visit try_visit() { return lock().try_lock() ? begin_visit() : Visit(); }
  Visit visit_within(unsigned milliseconds) {
    return lock().lock_within(milliseconds) ? begin_visit() : Visit();
  }

  ArenaLock& lock() { return talck_.get_lock(); }

  // ---- during a visit ----

  // Returns a block of `usable` bytes, the first `cleared_bytes` of them zero, or null.
  // Requires: BlockPrefix::usable_for gave `usable`; `align` is a power of two, kBlockAlign at
  // least. Cost: as Talc::malloc, and what of `cleared_bytes` is not fresh.
  void* allocate(size_t usable, size_t align, size_t cleared_bytes) {
    void* const chunk = sparing_growth(BlockPrefix::kSize + usable + align, [&] {
      return engine().malloc_aligned_at(BlockPrefix::kSize + usable, align, BlockPrefix::kSize);
    });
    if (chunk == nullptr) {
      return nullptr;
    }
    char* const payload = static_cast<char*>(chunk) + BlockPrefix::kSize;
    if (cleared_bytes != 0) {
      fresh().clear(Span(payload, payload + cleared_bytes));
    }
    fresh().use(payload + usable);
    if (usable >= GapPurge<Kernel>::kForgetBytes) {
      GapPurge<Kernel>::forget_below(payload);
    }
    BlockPrefix::write(payload, usable, BlockPrefix::State::live);
    return payload;
  }

  // Returns whether the block holds `new_usable` bytes now; otherwise it is as it was.
  bool resize_in_place(void* payload, size_t usable, size_t new_usable) {
    void* const chunk = chunk_of(payload);
    if (new_usable < usable) {
      engine().shrink(chunk, BlockPrefix::kSize + usable, BlockPrefix::kSize + new_usable);
    } else if (!engine().grow_in_place(chunk, BlockPrefix::kSize + usable,
                                       BlockPrefix::kSize + new_usable)) {
      return false;
    }
    fresh().use(static_cast<char*>(payload) + new_usable);
    BlockPrefix::write(payload, new_usable, BlockPrefix::State::live);
    return true;
  }

  // Gives back all that nobody uses, but for `pad_bytes` on top of the blocks' heap, unless what is there
  // may be what the limit does not count. Returns whether there was anything. Where there is a limit, gaps
  // are ceded that could not be unmapped. Cost: linear in the number of slabs and gaps.
  bool trim(size_t pad_bytes) {
    HeapRegistry<Kernel>& registry = engine().oom_handler.registry();
    const size_t uncounted_bytes = ceded_.uncounted_bytes();
    const size_t keep_bytes = ceded_.has_any() ? 0 : pad_bytes;
    registry.begin_settling();
    ceded_.return_all(*this);
    bool has_trimmed = bank_.trim(*this);
    for_each_engine(
        [&](auto& engine) { has_trimmed |= engine.oom_handler.trim(engine, keep_bytes); });
    PurgePass pass{.takes = PurgePass::Takes::all};
    purge(pass);
    if (settings.heap_limit.load(std::memory_order_relaxed) != Settings::kUnlimited) {
      ceded_.cede(*this);
    }
    registry.settle(uncounted_bytes, ceded_.uncounted_bytes());
    return has_trimmed || pass.purged_bytes != 0;
  }

  // Purges what the pass is to take, or the next part of it. Cost: linear in the number of slabs and gaps.
  void purge(PurgePass& pass) {
    const size_t purged_bytes = pass.purged_bytes;
    if (!pass.is_resumed) {
      bank_.begin_purge();
      for_each_engine([](auto& engine) { engine.oom_handler.begin_purge(engine); });
    }
    bank_.purge(*this, pass);
    for_each_engine([&](auto& engine) {
      if (pass.may_go_on()) {
        engine.oom_handler.purge(engine, pass);
      }
    });
    note_free_bytes();
    purged_bytes_ += pass.purged_bytes - purged_bytes;
    if (purged_bytes_ >= kManyPurged) {
      purged_bytes_ = 0;
      engine().oom_handler.refuse_huge(engine());
    }
  }

  // What of a gap of this engine has no memory, as far as is known.
  template <class TheEngine>
  static Span purged_part(TheEngine& engine, Span gap) {
    const FreshMemory& fresh = engine.oom_handler.registry().fresh();
    if (fresh.is_top(gap)) {
      return gap.above(fresh.dirty_part(gap).acme);
    }
    return gap.size() < GapPurge<Kernel>::kMinBytes ? Span() : GapPurge<Kernel>::purged_part(gap);
  }

  // Bytes of the blocks' heaps that hold no block, in use or waiting in a cache, nor metadata; without
  // what nobody has touched above them. Requires: a visit.
  size_t free_bytes() {
    return engine().get_counters().available_bytes + bank_.free_bytes() - fresh().untouched_bytes();
  }
  // The same of when a MiB more had been freed last, or a pass of the purger was here. For any thread.
  size_t noted_free_bytes() const { return noted_free_bytes_.load(std::memory_order_relaxed); }
  // Bytes of the blocks' heaps.
  size_t claimed_bytes() { return engine().get_counters().claimed_bytes - ceded_.bytes(); }

  // Memory for what serves blocks: metadata, caches. Null when memory is out.
  void* take_chunk(size_t size_bytes, size_t align) {
    if constexpr (kSeparatesMetadata) {
      return metadata_.malloc(size_bytes, align);
    } else {
      bool is_fresh = false;
      return take_chunk(size_bytes, align, Growth::allow, is_fresh);
    }
  }
  // The same for a group of slabs. Tells whether nobody has touched it yet.
  void* take_granules(size_t size_bytes, Growth growth, bool& is_fresh) {
    void* const granules = take_chunk(size_bytes, kGranuleSize, growth, is_fresh);
    if (granules != nullptr && !is_fresh) {
      GapPurge<Kernel>::forget_below(static_cast<char*>(granules) + kWordSize);
    }
    return granules;
  }
  void return_granules(void* granules, size_t size_bytes) {
    chunks_.count -= 1;
    chunks_.bytes -= size_bytes;
    engine().free(granules, size_bytes);
  }
  // For CededGaps: a chunk without growth, and one that gets smaller.
  void* take_gap(size_t size_bytes) {
    bool is_fresh = false;
    return take_chunk(size_bytes, kWordSize, Growth::spare, is_fresh);
  }
  void shrink_gap(void* chunk, size_t size_bytes, size_t new_size_bytes) {
    chunks_.bytes -= size_bytes - new_size_bytes;
    engine().shrink(chunk, size_bytes, new_size_bytes);
  }
  const CededGaps<Kernel>& ceded() const { return ceded_; }

  void return_chunk(void* chunk, size_t size_bytes) {
    if constexpr (kSeparatesMetadata) {
      metadata_.free(chunk, size_bytes);
    } else {
      return_granules(chunk, size_bytes);
    }
  }

  // So many slots are gathered for put_slots where they come one by one.
  static constexpr unsigned kSlotsAtOnce = 32;

  // Takes slots as SlabBank::take.
  Slab::Taken take_slots(unsigned size_class, unsigned count, void** end) {
    return bank_.take(*this, size_class, count, end);
  }
  // Takes slots back, as SlabBank::put. Faults at one that is none of this arena, or was taken back
  // already.
  void put_slots(void** blocks, unsigned count,
                 unsigned magazine_class = SlabBank<Kernel>::kNoClass) {
    if (count == 0) {
      return;
    }
    const auto stop = bank_.put(*this, blocks, blocks + count, magazine_class);
    if (stop.at != blocks + count) [[unlikely]] {
      raise_fault(stop.why == Slab::Put::no_slot ? Fault::invalid_pointer : Fault::double_free,
                  *stop.at);
    }
    notice_freed();
  }
  void put_slot(void* block) { put_slots(&block, 1); }
  // For a thread that has no magazine for it. Null when memory is out.
  void* take_slot(unsigned size_class) {
    void* block = nullptr;
    direct_allocations_[size_class] += take_slots(size_class, 1, &block + 1).count;
    return block;
  }
  size_t direct_allocations(unsigned size_class) const { return direct_allocations_[size_class]; }

  // What the blocks' engine gave that is no block, and its bytes; `total` counts what was given back
  // as well.
  struct Chunks {
    size_t count = 0;
    size_t total = 0;
    size_t bytes = 0;
  };
  const Chunks& chunks() const { return chunks_; }
  const SlabBank<Kernel>& bank() const { return bank_; }

  // Caches that no thread has, for the next ones. The one popped is being changed.
  ThreadCache* pop_free_cache() {
    ThreadCache* const cache = free_caches_;
    if (cache != nullptr) {
      cache->set_changing(true);
      free_caches_ = cache->next_free;
    }
    return cache;
  }
  ThreadCache* free_caches() { return free_caches_; }
  void push_free_cache(ThreadCache* cache) {
    cache->next_free = free_caches_;
    free_caches_ = cache;
  }

  // Also right without a visit where nobody else can have one.
  Engine& engine() { return talck_.get_talc(); }
  // f(engine): that of the blocks, and that of the metadata if there is one.
  template <class F>
  void for_each_engine(F f) {
    f(engine());
    if constexpr (kSeparatesMetadata) {
      f(metadata_);
    }
  }

  // ---- without one ----

  unsigned index() { return engine().oom_handler.registry().arena(); }
  // Before the first visit.
  void set_index(unsigned index) {
    for_each_engine([=](auto& engine) { engine.oom_handler.registry().set_arena(index); });
  }

  // Threads that have a cache of this arena.
  std::atomic<unsigned>& users() { return users_; }

  // Leaves a cache to the next visitor, for another thread.
  [[gnu::cold]] void leave_cache_waiting(ThreadCache* cache) {
    push_front(waiting_caches_, cache, &ThreadCache::next_free);
  }

  // Leaves slots to the next visitor: one, or a chain of them.
  void leave_slots_waiting(const WaitingBlocks::Chain& slots) { waiting_slots_.leave(slots); }
  void leave_slot_waiting(void* block) { waiting_slots_.leave(block); }

  // The usable bytes of the live block at `payload`. Faults if it is none, then named `if_freed` if
  // it was one. Requires: the page map says that the address lies in this arena.
  size_t usable_size(const void* payload, Fault if_freed) {
    if (!is_aligned(payload, BlockPrefix::kBlockAlign)) [[unlikely]] {
      raise_fault(Fault::misaligned_pointer, payload);
    }
    const BlockPrefix prefix = prefix_of(payload);
    if (!prefix.is_live()) [[unlikely]] {
      raise_fault(diagnose(payload, prefix, if_freed), payload);
    }
    return prefix.usable();
  }

  // Frees the block now, or leaves it to the next visitor. Requires: usable_size told `usable`.
  void release(void* payload, size_t usable) {
    if (const Visit visit = try_visit()) [[likely]] {
      free(payload, usable);
    } else {
      make_wait(payload, usable);
      leave_made_wait(payload);
    }
  }

  // Of two threads that release one block, one is told. Requires: usable_size told `usable`.
  static void make_wait(void* payload, size_t usable) {
    if (!BlockPrefix::try_end(payload, usable, BlockPrefix::State::waiting)) {
      raise_fault(Fault::double_free, payload);
    }
  }
  // Leaves blocks that were made to wait to the next visitor.
  void leave_made_wait(const WaitingBlocks::Chain& payloads) { waiting_.leave(payloads); }
  void leave_made_wait(void* payload) { waiting_.leave(payload); }

  // The same without a fault: 0 if no live block begins there.
  static size_t live_size(const void* payload) {
    const BlockPrefix prefix = prefix_of(payload);
    return prefix.is_live() ? prefix.usable() : 0;
  }
  // The same in fewer instructions: 0 of some that are live, too, those at the beginning of a granule.
  static size_t try_live_size(const void* payload) {
    return may_begin_heap(payload) ? 0 : BlockPrefix::live_size(payload);
  }

  // The block in a chunk of the engine, live or not yet freed; null if it is something else. Below the
  // payload there may be less slack than makes a gap.
  static char* payload_in(Span chunk) {
    char* const last = chunk.base + kMaxBelowPayload;
    for (char* at = align_up(chunk.base + BlockPrefix::kSize, BlockPrefix::kBlockAlign);
         at < last && at < chunk.acme; at += BlockPrefix::kBlockAlign) {
      const BlockPrefix prefix = BlockPrefix::read(at);
      if (prefix.state() != BlockPrefix::State::none &&
          BlockPrefix::kSize + prefix.usable() + kTagSize <= chunk.size()) {
        return at;
      }
    }
    return nullptr;
  }

  // f(block) for each slot that waits for the next visitor. Requires: a visit.
  template <class F>
  void for_each_waiting_slot(F f) const {
    waiting_slots_.for_each(f);
  }

  // Frees a block of which the prefix says so already.
  void free_marked(void* payload, size_t usable) { free(payload, usable); }
  // The same now, or by the next visitor. Locks: never waits for one.
  void release_marked(void* payload, size_t usable) {
    if (const Visit visit = try_visit()) {
      free(payload, usable);
    } else {
      BlockPrefix::change(payload, BlockPrefix::State::freed, BlockPrefix::State::waiting);
      leave_made_wait(payload);
    }
  }
  // Frees a block that was made to wait.
  void free_made_wait(void* payload) {
    const BlockPrefix prefix = BlockPrefix::read(payload);
    if (prefix.state() != BlockPrefix::State::waiting) [[unlikely]] {
      raise_fault(Fault::corrupt_block, payload);  // written to after its release
    }
    free(payload, prefix.usable());
  }

  // In the child of a fork: what other threads were leaving there then may be half written.
  void forget_waiting() {
    waiting_.forget();
    waiting_slots_.forget();
    waiting_caches_.store(nullptr, std::memory_order_relaxed);
  }

 private:
  struct NoEngine {
    constexpr explicit NoEngine(Handler) {}
  };

  static_assert(WaitingBlocks::kMinSize <= SizeClasses::size_of(0));

  void* take_chunk(size_t size_bytes, size_t align, Growth growth, bool& is_fresh) {
    const auto request = [&] { return engine().malloc(size_bytes, align); };
    void* const chunk = growth == Growth::spare ? without_growth(request)
                                                : sparing_growth(size_bytes + align, request);
    if (chunk != nullptr) {
      is_fresh = fresh().is_untouched(static_cast<char*>(chunk));
      fresh().use(static_cast<char*>(chunk) + size_bytes);
      chunks_.count += 1;
      chunks_.total += 1;
      chunks_.bytes += size_bytes;
    }
    return chunk;
  }

  // What `request` returns, which takes `need_bytes` at most; before the engine may grow for it, empty
  // groups of slabs become gaps, and ceded gaps are gaps again.
  template <class Request>
  void* sparing_growth(size_t need_bytes, Request request) {
    if (!bank_.has_empty_groups() && !ceded_.has_any()) [[likely]] {
      return request();
    }
    if (void* const chunk = without_growth(request)) {
      return chunk;
    }
    bank_.end_empty_groups(*this);
    if (ceded_.has_any()) {
      void* chunk = without_growth(request);
      if (chunk == nullptr && ceded_.reclaim(*this, need_bytes)) {
        chunk = without_growth(request);
      }
      if (chunk != nullptr) {
        return chunk;
      }
    }
    return request();
  }

  template <class Request>
  void* without_growth(Request request) {
    engine().oom_handler.set_may_grow(false);
    void* const chunk = request();
    engine().oom_handler.set_may_grow(true);
    return chunk;
  }

  FreshMemory& fresh() { return engine().oom_handler.registry().fresh(); }

  // When so much was purged, huge pages are refused.
  static constexpr size_t kManyPurged = size_t{1} << 20;

  static void* chunk_of(void* payload) { return static_cast<char*>(payload) - BlockPrefix::kSize; }

  Visit begin_visit() {
    if (!waiting_.is_empty()) [[unlikely]] {
      free_waiting();
    }
    if (!waiting_slots_.is_empty() || waiting_caches_.load(std::memory_order_relaxed) != nullptr)
        [[unlikely]] {
      take_in_waiting();
    }
    return Visit(*this);
  }

  void free(void* payload, size_t usable) {
    BlockPrefix::write(payload, usable, BlockPrefix::State::freed);
    engine().free(chunk_of(payload), BlockPrefix::kSize + usable);
    freed_bytes_ += usable;
    notice_freed();
  }

  void note_free_bytes() { noted_free_bytes_.store(free_bytes(), std::memory_order_relaxed); }

  void notice_freed() {
    const size_t freed_bytes = freed_bytes_ + bank_.freed_bytes();
    const size_t news_bytes = freed_bytes - noticed_bytes_;
    if (news_bytes >= PurgeNotice<Kernel>::kEveryBytes) [[unlikely]] {
      noticed_bytes_ = freed_bytes;
      note_free_bytes();
      PurgeNotice<Kernel>::raise_freed(news_bytes);
    }
  }

  [[gnu::cold, gnu::noinline]] void take_in_waiting() {
    ThreadCache* cache = waiting_caches_.exchange(nullptr, std::memory_order_acquire);
    while (cache != nullptr) {
      ThreadCache* const next = cache->next_free;
      push_free_cache(cache);
      cache = next;
    }
    // Many at a time, and in the order in which they were freed.
    void* slots[kSlotsAtOnce];
    unsigned room = kSlotsAtOnce;
    waiting_slots_.take_all([&](void* slot) {
      slots[--room] = slot;
      if (room == 0) {
        put_slots(slots, kSlotsAtOnce);
        room = kSlotsAtOnce;
      }
    });
    put_slots(slots + room, kSlotsAtOnce - room);
  }

  [[gnu::cold, gnu::noinline]] void free_waiting() {
    waiting_.take_all([this](void* payload) { free_made_wait(payload); });
  }

  // The prefix below any address in a heap: at its start is none, and below that perhaps no memory.
  static BlockPrefix prefix_of(const void* payload) {
    if (may_begin_heap(payload)) [[unlikely]] {
      const char* const below = static_cast<const char*>(payload) - BlockPrefix::kSize;
      const PageEntry::Kind kind = PageMap<Kernel>::get(below).kind();
      if (kind != PageEntry::Kind::heap && kind != PageEntry::Kind::small) {
        return BlockPrefix();
      }
    }
    return BlockPrefix::read(payload);
  }
  static bool may_begin_heap(const void* payload) {
    return address_of(payload) % kGranuleSize < BlockPrefix::kSize;
  }

  // What is wrong with a pointer into this arena that is no live block.
  [[gnu::cold, gnu::noinline]] Fault diagnose(const void* payload, BlockPrefix prefix,
                                              Fault if_freed) {
    if (prefix.state() != BlockPrefix::State::none) {
      return if_freed;
    }
    const Visit visit = visit_within(kPatienceMs);
    Fault fault = Fault::invalid_pointer;
    if (visit) {
      engine().for_each_heap([&](Span memory) {
        if (memory.contains(payload)) {
          fault = diagnose_in(memory, static_cast<const char*>(payload), if_freed);
        }
      });
    }
    return fault;
  }

  Fault diagnose_in(Span memory, const char* payload, Fault if_freed) {
    Fault fault = Fault::invalid_pointer;
    (void)engine().get_allocated_span(memory);  // so that no free chunk still looks allocated
    if (engine().find_fault() != nullptr) {
      return Fault::corrupt_block;  // no tag can be followed
    }
    engine().for_each_chunk(memory, [&](Span chunk, bool allocated) {
      if (!chunk.contains(payload)) {
        return;
      }
      // Below a payload are its prefix and less slack than makes a gap.
      const size_t below = static_cast<size_t>(payload - chunk.base);
      if (!allocated) {
        fault = if_freed;
      } else if (below < kMaxBelowPayload) {
        fault = Fault::corrupt_block;
      }
    });
    return fault;
  }

  static constexpr unsigned kPatienceMs = 100;
  static constexpr size_t kMaxBelowPayload = BlockPrefix::kSize + 3 * kWordSize;

  Talck<ArenaLock, Engine> talck_;
  [[no_unique_address]] std::conditional_t<kSeparatesMetadata, Engine, NoEngine> metadata_;
  WaitingBlocks waiting_;
  WaitingBlocks waiting_slots_;
  std::atomic<ThreadCache*> waiting_caches_{nullptr};
  std::atomic<unsigned> users_{0};
  SlabBank<Kernel> bank_;
  Chunks chunks_;
  CededGaps<Kernel> ceded_;
  size_t direct_allocations_[SizeClasses::kCount] = {};  // by the class asked for
  size_t freed_bytes_ = 0;                               // of middle blocks, ever
  size_t noticed_bytes_ = 0;                             // freed when a notice was raised last
  std::atomic<size_t> noted_free_bytes_{0};
  size_t purged_bytes_ = 0;  // since huge pages were refused
  ThreadCache* free_caches_ = nullptr;
};

}  // namespace talc
