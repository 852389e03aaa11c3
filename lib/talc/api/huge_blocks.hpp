// HugeBlocks: blocks of a few MiB and more, each a mapping of its own: a heap of one chunk.
//
//   | page map entry: huge, first page, length |     for the granule that holds the block's start
//   |<---- the block: whole pages, nothing before it, nothing in it ---->|  length: whole granules
//
// mremap grows and moves a block, so resizing copies page tables, not bytes; fresh pages
// are zero, so clearing a new block touches none. Since only the page map knows a block, releasing
// one does not touch it either, and nothing here needs a lock: an entry changes by compare-and-swap
// or by the block's owner. What was freed a moment ago is kept with its pages, within a limit, and
// fitted to the next request, cleared if that wants zeros; so is, emptied, what the kernel refuses to
// unmap. The limit doubles while blocks come and go so fast that one pass of the purger
// (purge_pass.hpp) does not see it; what is kept from one pass to the next is unmapped. Used by the
// process heap for sizes and alignments that are no work for an arena.
#pragma once

#include <atomic>

#include "talc/api/footprint.hpp"
#include "talc/api/thp.hpp"
#include "talc/base/memory.hpp"
#include "talc/front/page_map.hpp"
#include "talc/os/atomic_switch.hpp"
#include "talc/os/fault.hpp"
#include "talc/os/purge_pass.hpp"
#include "talc/os/push_front.hpp"
#include "talc/os/sealed_link.hpp"

namespace talc {

template <class Kernel>
class HugeBlocks {
 public:
  using Map = PageMap<Kernel>;

  // What may be kept: this, or a quarter of what is live, up to the second; and the same again, up to
  // the third, each time that memory was mapped soon after some had been unmapped for the limit.
  static constexpr size_t kMinKept = size_t{16} << 20;
  static constexpr size_t kMaxShareKept = size_t{64} << 20;
  static constexpr size_t kMaxKept = size_t{256} << 20;

  // What get_stats reports. Each value is exact when no other thread is at work.
  struct Counts {
    size_t allocations;
    size_t frees;
    size_t live_bytes;  // of mappings of live blocks: all of it usable
    size_t kept_bytes;  // of free blocks
    size_t kept_count;
  };

  constexpr HugeBlocks() = default;

  // Returns a block of `size` bytes, or null. Requires: `align` is a power of two.
  // Cost: one or two system calls.
  void* allocate(size_t size, size_t align) { return take(size, align, Contents::any); }
  // The same, and all of it zero. Cost: also that of clearing what was kept.
  void* allocate_zeroed(size_t size, size_t align) { return take(size, align, Contents::zero); }

  // The length of the block that begins at `ptr`, all of it usable. Requires: `entry` is the page
  // map's for `ptr`, of kind huge. Faults if no block begins there.
  static size_t length_at(const void* ptr, PageEntry entry) {
    const bool is_start =
        is_aligned(ptr, Kernel::page_size()) && entry_of(ptr, entry.huge_length()) == entry;
    if (!is_start) [[unlikely]] {
      raise_fault(is_aligned(ptr, kLeastAlign) ? Fault::invalid_pointer : Fault::misaligned_pointer,
                  ptr);
    }
    return entry.huge_length();
  }

  // Gives the block back. Requires: as length_at. Faults if another thread released it meanwhile.
  void release(void* ptr, PageEntry entry) {
    const size_t length = length_at(ptr, entry);
    // The entry goes first: once unmapped, the addresses may be anyone's.
    if (!Map::replace(ptr, entry, PageEntry::returned())) {
      raise_fault(Fault::double_free, ptr);
    }
    live_bytes_.fetch_sub(length, std::memory_order_relaxed);
    frees_.fetch_add(1, std::memory_order_relaxed);
    const Span block = Span::from_base_size(static_cast<char*>(ptr), length);
    if (may_keep(length) && keep(block)) {
      PurgeNotice<Kernel>::raise_freed(length);
      return;
    }
    unmap(block);
    has_unmapped_.store(true, std::memory_order_relaxed);
  }

  // Makes the block `size` bytes long without copying: in place, or else by moving its pages.
  // Returns where it is now, or null if the kernel would not: then nothing has changed.
  // Requires: `length` is that of the caller's block at `ptr`; size > 0.
  void* resize(void* ptr, size_t length, size_t size) {
    const size_t new_length = PageEntry::round_huge(size);
    const Span block = Span::from_base_size(static_cast<char*>(ptr), length);
    if (new_length == length) {
      return ptr;
    }
    if (new_length == 0) {
      return nullptr;
    }
    return new_length < length ? shrink(block, new_length) : grow(block, new_length);
  }

  // Unmaps what the pass is to take of what was kept.
  void purge(PurgePass& pass) {
    if (pass.takes == PurgePass::Takes::idle &&
        !has_unmapped_.exchange(false, std::memory_order_relaxed)) {
      extra_kept_.store(0, std::memory_order_relaxed);
    }
    for (Kept& kept : kept_) {
      if (const Span block = kept.take_if_due(pass); block.is_sized()) {
        forget(block.size());
        pass.count_call(unmap(block) ? block.size() : 0);
      }
    }
    pass.dirty_bytes += kept_bytes_.load(std::memory_order_relaxed);
  }

  // Gives back what was kept. Returns whether there was anything that the kernel took.
  bool trim() {
    PurgePass pass{.takes = PurgePass::Takes::all};
    purge(pass);
    bool has_trimmed = pass.purged_bytes != 0;
    Unplaced* block = unplaced_.exchange(nullptr, std::memory_order_acquire);
    while (block != nullptr) {
      const size_t length = block->length;
      Unplaced* const next = block->link.get(length);
      kept_bytes_.fetch_sub(length, std::memory_order_relaxed);
      has_trimmed |= unmap(Span::from_base_size(reinterpret_cast<char*>(block), length));
      block = next;
    }
    return has_trimmed;
  }

  // Whether `ptr` may be in a free block that is mapped still.
  bool may_hold(const void* ptr) const {
    bool may_hold = unplaced_.load(std::memory_order_relaxed) != nullptr;
    for (const Kept& kept : kept_) {
      may_hold = may_hold || kept.may_hold(ptr);
    }
    return may_hold;
  }

  Counts get_counts() const {
    const size_t frees = frees_.load(std::memory_order_relaxed);
    return {allocations_.load(std::memory_order_relaxed), frees,
            live_bytes_.load(std::memory_order_relaxed),
            kept_bytes_.load(std::memory_order_relaxed),
            kept_count_.load(std::memory_order_relaxed)};
  }

  // Bytes of live blocks that are in memory. Cost: linear in the addresses in use.
  static size_t resident_bytes() {
    size_t resident = 0;
    Map::for_each_huge([&](char* granule, PageEntry entry) {
      char* const base = granule + entry.huge_page() * Kernel::page_size();
      resident += Kernel::resident_bytes(Span::from_base_size(base, entry.huge_length()));
    });
    return resident;
  }

 private:
  static constexpr size_t kLeastAlign = 16;
  // Left to itself a huge block gets none: the kernel gives huge pages to those who touch them all.
  static constexpr size_t kNoAdvice = ~size_t{0};

  // A place for a block that is kept. Whoever has made it busy may change it.
  class Kept {
   public:
    bool put(Span block) {
      char* expected = nullptr;
      if (base_.load(std::memory_order_relaxed) != nullptr ||
          !base_.compare_exchange_strong(expected, busy(), std::memory_order_acquire)) {
        return false;
      }
      length_.store(block.size(), std::memory_order_relaxed);
      age_.touch();
      base_.store(block.base, std::memory_order_release);
      return true;
    }
    Span take_if_due(const PurgePass& pass) {
      char* base = base_.load(std::memory_order_relaxed);
      if (pass.takes == PurgePass::Takes::nothing || !begin_change(base)) {
        return Span();
      }
      const Span block = Span::from_base_size(base, length());
      const bool is_due = age_.is_due(pass);
      base_.store(is_due ? nullptr : base, std::memory_order_release);
      return is_due ? block : Span();
    }
    // Empty if there is none, or somebody else is at it.
    Span take() {
      char* base = base_.load(std::memory_order_relaxed);
      if (!begin_change(base)) {
        return Span();
      }
      const Span block = Span::from_base_size(base, length());
      base_.store(nullptr, std::memory_order_release);
      return block;
    }
    // Perhaps no longer true when it is known.
    bool is_there() const {
      char* const base = base_.load(std::memory_order_relaxed);
      return base != nullptr && base != busy();
    }
    size_t length() const { return length_.load(std::memory_order_relaxed); }
    // What is being put there, or taken, may be anything.
    bool may_hold(const void* ptr) const {
      char* const base = base_.load(std::memory_order_acquire);
      return base == busy() ||
             (base != nullptr && Span::from_base_size(base, length()).contains(ptr));
    }

   private:
    static char* busy() { return reinterpret_cast<char*>(1); }

    bool begin_change(char*& base) {
      return base != nullptr && base != busy() &&
             base_.compare_exchange_strong(base, busy(), std::memory_order_acquire);
    }

    std::atomic<char*> base_{nullptr};
    std::atomic<size_t> length_{0};
    Age age_;  // whoever has made it busy may look at it
  };
  // Enough for blocks of more than 4 MiB up to kMaxKept.
  static constexpr size_t kMaxKeptCount = 64;

  // What the kernel would not take and there is no place for, in its first page: for trim only.
  struct [[gnu::may_alias]] Unplaced {
    SealedLink<Unplaced> link;  // and the length
    size_t length;
  };

  enum class Contents : bool { any, zero };

  void* take(size_t size, size_t align, Contents contents) {
    const size_t length = PageEntry::round_huge(size == 0 ? 1 : size);
    if (length != 0 && align <= Kernel::page_size() &&
        kept_count_.load(std::memory_order_relaxed) != 0) {
      if (void* const kept = reuse(length, contents)) {
        return kept;
      }
    }
    return length == 0 ? nullptr : begin(length, align);
  }

  // Of fresh memory.
  void* begin(size_t length, size_t align) {
    if (!Footprint<Kernel>::try_grow(length)) {
      return nullptr;
    }
    char* const base = map(length, align);
    if (base == nullptr) {
      Footprint<Kernel>::shrink(length);
      return nullptr;
    }
    Footprint<Kernel>::raise_peak();
    if (has_unmapped_.load(std::memory_order_relaxed)) {
      raise_limit();
    }
    if (huge_from(kNoAdvice) == 0) {
      Kernel::advise_huge(Span::from_base_size(base, length));
    }
    Map::set(base, entry_of(base, length));
    return count_in(base, length);
  }

  static PageEntry entry_of(const void* base, size_t length) {
    const size_t offset = address_of(base) & (kGranuleSize - 1);
    return PageEntry::huge(static_cast<unsigned>(offset / Kernel::page_size()) & 0xF, length);
  }

  // Fresh memory whose start the page map can hold. Null: refused.
  static char* map(size_t length, size_t align) {
    char* const base = align <= Kernel::page_size() ? Kernel::map(nullptr, length)
                                                    : map_aligned<Kernel>(length, align);
    if (base != nullptr && !Map::reserve(Span::from_base_size(base, 1))) {
      Kernel::unmap(Span::from_base_size(base, length));
      return nullptr;
    }
    return base;
  }

  void* count_in(void* base, size_t length) {
    live_bytes_.fetch_add(length, std::memory_order_relaxed);
    allocations_.fetch_add(1, std::memory_order_relaxed);
    return base;
  }

  void* shrink(Span block, size_t new_length) {
    if (!resize_in_place(block, new_length)) {
      return nullptr;
    }
    Footprint<Kernel>::shrink(block.size() - new_length);
    return block.base;
  }

  void* grow(Span block, size_t new_length) {
    const size_t added = new_length - block.size();
    if (!Footprint<Kernel>::try_grow(added)) {
      return nullptr;
    }
    void* const grown = resize_in_place(block, new_length) ? block.base : move(block, new_length);
    if (grown == nullptr) {
      Footprint<Kernel>::shrink(added);
      return nullptr;
    }
    Footprint<Kernel>::raise_peak();
    return grown;
  }

  bool resize_in_place(Span block, size_t new_length) {
    const bool is_resized = Kernel::resize_in_place(block, new_length);
    if (is_resized) {
      Map::set(block.base, entry_of(block.base, new_length));
      live_bytes_.fetch_add(new_length - block.size(), std::memory_order_relaxed);
    }
    return is_resized;
  }

  // Where the block will be is known only when it is there, and then its entry must not fail: so a
  // leaf is taken in hand first. The old entry goes before the old addresses do.
  void* move(Span block, size_t new_length) {
    typename Map::Leaf* const leaf = Map::take_leaf();
    if (leaf == nullptr) {
      return nullptr;
    }
    Map::set(block.base, PageEntry::returned());
    char* const moved = Kernel::move(block, new_length);
    if (moved == nullptr) [[unlikely]] {
      Map::set(block.base, entry_of(block.base, block.size()));
      Map::return_leaf(leaf);
      return nullptr;
    }
    Map::reserve_with(leaf, moved);
    Map::set(moved, entry_of(moved, new_length));
    live_bytes_.fetch_add(new_length - block.size(), std::memory_order_relaxed);
    return moved;
  }

  // ---- what is kept ----

  bool may_keep(size_t length) const {
    const size_t limit = least_limit() + extra_kept_.load(std::memory_order_relaxed);
    return kept_bytes_.load(std::memory_order_relaxed) + length <= limit;
  }

  size_t least_limit() const {
    const size_t share = live_bytes_.load(std::memory_order_relaxed) / 4;
    return share < kMinKept ? kMinKept : share < kMaxShareKept ? share : kMaxShareKept;
  }

  [[gnu::cold]] void raise_limit() {
    has_unmapped_.store(false, std::memory_order_relaxed);
    const size_t extra = 2 * extra_kept_.load(std::memory_order_relaxed) + kMinKept;
    const size_t most = kMaxKept - least_limit();
    extra_kept_.store(extra < most ? extra : most, std::memory_order_relaxed);
  }

  // Returns whether the kernel took it. If not it is kept, without its pages.
  bool unmap(Span block) {
    if (Kernel::unmap(block)) {
      Footprint<Kernel>::shrink(block.size());
      return true;
    }
    Kernel::purge(block);
    if (!keep(block)) {
      leave_for_trim(block);
    }
    return false;
  }

  [[gnu::cold]] void leave_for_trim(Span block) {
    kept_bytes_.fetch_add(block.size(), std::memory_order_relaxed);
    auto* const unplaced = reinterpret_cast<Unplaced*>(block.base);
    unplaced->length = block.size();
    Pages::learn_secret();  // there may be no heap
    push_front(unplaced_, unplaced,
               [&](Unplaced& node, Unplaced* next) { node.link.set(next, block.size()); });
  }

  // Returns whether there was a place for it.
  bool keep(Span block) {
    for (Kept& kept : kept_) {
      if (kept.put(block)) {
        kept_bytes_.fetch_add(block.size(), std::memory_order_relaxed);
        kept_count_.fetch_add(1, std::memory_order_relaxed);
        return true;
      }
    }
    return false;
  }

  void forget(size_t length) {
    kept_bytes_.fetch_sub(length, std::memory_order_relaxed);
    kept_count_.fetch_sub(1, std::memory_order_relaxed);
  }

  // Takes what is nearest in length. What it has too much, munmap takes; too little, mremap adds.
  void* reuse(size_t length, Contents contents) {
    Kept* nearest = nullptr;
    for (Kept& kept : kept_) {
      if (kept.is_there() && (nearest == nullptr || distance(kept.length(), length) <
                                                        distance(nearest->length(), length))) {
        nearest = &kept;
      }
    }
    const Span found = nearest == nullptr ? Span() : nearest->take();
    if (found.is_empty()) {
      return nullptr;
    }
    forget(found.size());
    Map::set(found.base, entry_of(found.base, found.size()));
    count_in(found.base, found.size());
    void* const fitted = resize(found.base, found.size(), length);
    if (fitted == nullptr) {
      release(found.base, entry_of(found.base, found.size()));
    } else if (contents == Contents::zero) {
      clear(Span::from_base_size(static_cast<char*>(fitted), smaller(found.size(), length)));
    }
    return fitted;
  }

  // To write zeros takes a thirtieth of the time that the kernel needs to bring pages back. But what was
  // hardly touched shall not be in memory for it: of that, piece by piece, the kernel takes all.
  static constexpr size_t kPiece = size_t{2} << 20;
  static constexpr size_t kLeastShareInMemory = 8;
  static void clear(Span block) {
    while (block.is_sized()) {
      const Span piece = block.fit_within(Span::from_base_size(block.base, kPiece));
      if (Kernel::resident_bytes(piece) >= piece.size() / kLeastShareInMemory ||
          !Kernel::purge(piece)) {
        zero_bytes(piece.base, piece.size());
      }
      block.base = piece.acme;
    }
  }

  static size_t distance(size_t a, size_t b) { return a < b ? b - a : a - b; }

  std::atomic<size_t> allocations_{0};
  std::atomic<size_t> frees_{0};
  std::atomic<size_t> live_bytes_{0};
  std::atomic<size_t> kept_bytes_{0};
  std::atomic<size_t> kept_count_{0};
  std::atomic<size_t> extra_kept_{0};  // how far the limit was raised
  AtomicSwitch has_unmapped_{false};   // for the limit, since it was raised or a pass came by
  Kept kept_[kMaxKeptCount];
  std::atomic<Unplaced*> unplaced_{nullptr};
};

}  // namespace talc
