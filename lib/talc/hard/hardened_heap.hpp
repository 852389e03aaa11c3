// HardenedHeap: the process heap for those who would rather pay than be attacked: every block is
// sealed, cleared when it is freed, and kept for a while before anybody gets it again.
//
//     allocate ──> ProcessHeap (slots in random order, guard pages, metadata apart) ──> BlockSeal
//     release ──> BlockSeal: live? intact? ──> cleared ──> Quarantine ──> still clear? ──> ProcessHeap
//
// The same interface as ProcessHeap, whose fast paths never serve here. What it finds and what not is
// in docs/SECURITY.md. Memory: 16 bytes a block, and the Quarantine. Used by interpose/, for
// libtalc-hardened.so.
#pragma once

#include "talc/api/process_heap.hpp"
#include "talc/hard/block_seal.hpp"
#include "talc/hard/quarantine.hpp"
#include "talc/os/data_limit.hpp"

namespace talc {

// What the layers below do differently, where they ask the kernel's type.
class HardenedPages : public Pages {
 public:
  static constexpr bool kShufflesSlots = true;
  static constexpr bool kGuardsGroups = true;
  static constexpr bool kSeparatesMetadata = true;

  // A guard cuts a mapping into three; of those a process may have 65530. So many guards at most, and none
  // under a limit that would not let one be lifted.
  static constexpr size_t kMaxGuards = 4096;

  static bool try_guard(Span pages) {
    const bool may = guards_.fetch_add(1, std::memory_order_relaxed) < kMaxGuards &&
                     !is_data_limited() && set_accessible(pages, false);
    guards_.fetch_sub(may ? 0 : 1, std::memory_order_relaxed);
    return may;
  }
  static bool try_unguard(Span pages) {
    const bool done = set_accessible(pages, true);
    guards_.fetch_sub(done ? 1 : 0, std::memory_order_relaxed);
    return done;
  }

 private:
  static inline constinit std::atomic<size_t> guards_{0};
};

class HardenedHeap : private BasicProcessHeap<HardenedPages> {
 public:
  using Base = BasicProcessHeap<HardenedPages>;
  using Base::after_fork_in_child;
  using Base::after_fork_in_parent;
  using Base::arm_thread;
  using Base::before_fork;
  using Base::begin_process;
  using Base::end_thread;
  using Base::is_foreign;
  using Base::mapped_bytes;
  using Base::owns;
  using Base::refill_reserve;
  using Base::refuse_huge_tables;
  using Base::require_background_thread;
  using Base::reserve;
  using Base::Resident;
  using Base::work_in_background;

  constexpr HardenedHeap() = default;

  // There is no fast path.
  static void* try_allocate(size_t, size_t = 0) { return nullptr; }
  static void* try_allocate_hot(size_t) { return nullptr; }
  static bool try_release(void*) { return false; }
  static bool try_release_near(void*) { return false; }
  static bool may_stay(const void*, size_t) { return false; }

  // As ProcessHeap's. What a block holds at first is not zero: it may be anything.
  void* allocate(size_t size, size_t align) {
    return serve(size, [=, this](size_t bytes) { return Base::allocate(bytes, align); });
  }

  void* allocate_zeroed(size_t size, size_t align) {
    return serve(size, [=, this](size_t bytes) { return Base::allocate_zeroed(bytes, align); });
  }

  // As ProcessHeap's; a block that shrinks by half moves, so that its rest is another's, unless there
  // is no memory: then its rest is padding.
  void* reallocate(void* ptr, size_t size) {
    size_t old_size = 0;
    BlockSeal seal = require_live(ptr, Fault::use_after_free, old_size);
    if (size > kMaxSize) {
      return nullptr;
    }
    const size_t room = seal.contents().size();
    if (size <= room && size > room / 2) {
      seal.write(size);
      return ptr;
    }
    if (void* const moved = move_pages(ptr, seal, old_size, size)) {
      return moved;
    }
    void* const moved = allocate(size, BlockPrefix::kBlockAlign);
    if (moved != nullptr) {
      copy_bytes(moved, ptr, old_size < size ? old_size : size);
      release(ptr);
      return moved;
    }
    if (size > room) {
      return nullptr;
    }
    seal.write(size);
    return ptr;
  }

  // Takes a block back. Faults unless it is live and nobody wrote beyond its end.
  void release(void* ptr) {
    size_t size = 0;
    BlockSeal seal = require_live(ptr, Fault::double_free, size);
    if (!seal.try_free(size)) {
      raise_fault(Fault::double_free, ptr);
    }
    clear(seal.contents());
    const auto out = quarantine_.exchange({ptr, seal.contents().size() + BlockSeal::kBytes});
    if (out.ptr != nullptr) {
      let_go(out);
    }
  }

  // The same, and faults unless the block was allocated with that size.
  void require_size(const void* ptr, size_t size) {
    size_t sealed_size = 0;
    require_live(const_cast<void*>(ptr), Fault::double_free, sealed_size);
    if (sealed_size != size) {
      raise_fault(Fault::wrong_size, ptr);
    }
  }

  // The bytes that were asked for.
  size_t usable_size(const void* ptr) {
    size_t size = 0;
    require_live(const_cast<void*>(ptr), Fault::use_after_free, size);
    return size;
  }

  // As ProcessHeap's, with the bytes that were asked for; of huge blocks, whose seal may be gone
  // meanwhile, those that there is room for.
  template <class F>
  WalkEnd walk(F f) {
    return Base::walk([&](WalkedBlock block) {
      const BlockSeal seal(block.ptr, block.usable);
      size_t size = seal.contents().size();
      if (block.arena == WalkedBlock::kNoArena) {
        return f(WalkedBlock{block.ptr, size, block.arena});
      }
      return seal.read(size) != BlockSeal::State::live ||
             f(WalkedBlock{block.ptr, size, block.arena});
    });
  }

  bool trim(size_t pad_bytes) {
    quarantine_.empty([this](Quarantine::Entry block) { let_go(block); });
    return Base::trim(pad_bytes);
  }

  // As ProcessHeap's, but that what is in quarantine counts as cached in the sums, and as live in the
  // arenas and in `detail`.
  void get_stats(ProcessStats& out, Resident resident = Resident::ask,
                 HeapDetail* detail = nullptr) {
    Base::get_stats(out, resident, detail);
    const size_t bytes = quarantine_.bytes();
    out.frees += quarantine_.count();
    out.allocated -= bytes;
    out.active -= bytes;
    out.cached += bytes;
    out.retained += bytes;
    out.dirty += bytes;
  }

 private:
  static constexpr size_t kMaxSize = ~size_t{0} / 4;
  // What is cleared by giving its pages back.
  static constexpr size_t kMinHuge = size_t{4} << 20;

  // A sealed block of what request(bytes) returns. Before memory is out, what is in quarantine is given
  // up, for each block there keeps a slab from others; not for a request that this could not help.
  template <class Request>
  void* serve(size_t size, Request request) {
    if (size > kMaxSize) {
      return nullptr;
    }
    void* const block = request(size + BlockSeal::kBytes);
    if (block != nullptr || quarantine_.count() == 0 || size > mapped_bytes()) [[likely]] {
      return sealed(block, size);
    }
    trim(0);
    return sealed(request(size + BlockSeal::kBytes), size);
  }

  void* sealed(void* block, size_t size) {
    if (block != nullptr) {
      BlockSeal(block, Base::usable_size(block)).write(size);
    }
    return block;
  }

  BlockSeal require_live(void* ptr, Fault if_freed, size_t& size) {
    const BlockSeal seal(ptr, Base::usable_size(ptr, if_freed));
    const BlockSeal::State state = seal.read(size);
    if (state == BlockSeal::State::freed) {
      raise_fault(if_freed, ptr);
    }
    if (state == BlockSeal::State::none || !seal.is_padding_intact(size)) {
      raise_fault(Fault::corrupt_block, ptr);
    }
    return seal;
  }

  // As ProcessHeap's; the seal is at another place then.
  void* move_pages(void* ptr, BlockSeal seal, size_t old_size, size_t size) {
    const size_t usable = seal.contents().size() + BlockSeal::kBytes;
    void* const moved = Base::move_pages(ptr, size + BlockSeal::kBytes);
    if (moved != nullptr && Base::usable_size(moved) >= usable) {
      BlockSeal(moved, usable).erase(old_size);
    }
    return sealed(moved, size);
  }

  static void clear(Span contents) {
    const size_t page = Pages::page_size();
    const Span pages(align_up(contents.base, page), align_down(contents.acme, page));
    if (contents.size() >= kMinHuge && Pages::purge(pages)) {
      zero_bytes(contents.base, static_cast<size_t>(pages.base - contents.base));
      zero_bytes(pages.acme, static_cast<size_t>(contents.acme - pages.acme));
    } else {
      zero_bytes(contents.base, contents.size());
    }
  }

  // Out of quarantine. Faults if anybody wrote to the block meanwhile.
  void let_go(Quarantine::Entry block) {
    size_t size = 0;
    const BlockSeal seal(block.ptr, block.usable);
    if (seal.read(size) != BlockSeal::State::freed || !is_zero(seal.contents())) {
      raise_fault(Fault::write_after_free, block.ptr);
    }
    Base::release(block.ptr);
  }

  static bool is_zero(Span bytes) {
    size_t all = 0;
    for (const char* at = bytes.base; at != bytes.acme; at += kWordSize) {
      all |= load_word(at);
    }
    return all == 0;
  }

  Quarantine quarantine_;
};

}  // namespace talc
