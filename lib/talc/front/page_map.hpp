// PageMap: which granule of the address space is whose. It answers for any address at all, ours or
// not, without touching what the address points to: that is how a wrong pointer is known before it
// does harm.
//
//   near_   [entry][entry] …  2^20 of 4 bytes: the 64 GiB where most heaps are, one load away
//
//   address   | 0 … 0 | root index, 18 bits | leaf index, 14 bits | in the granule, 16 bits |
//                            |                     |
//   root_  [leaf][ 0 ][ 0 ][leaf] …  one for each GiB      leaf  [entry][entry] …  16384, unless near
//                                                                [slab ][slab ] …  16384 pointers
//
// Beside the entries a leaf holds, for granules of slabs, where the slab's metadata is.
// Near and root are 6 MiB of zeros in .bss, which cost nothing until they are touched; leaves are
// made when first needed and stay. Readers take no lock. Writers only write granules they own, and
// leaves are published by compare-and-swap, so nobody takes a lock, and fork has nothing to repair.
// One map a process (for each Kernel type). Used by all of api/; the kernel comes from os/pages.hpp,
// the place from os/heap_placement.hpp.
#pragma once

#include <atomic>

#include "talc/base/memory.hpp"
#include "talc/base/span.hpp"
#include "talc/front/page_entry.hpp"
#include "talc/os/heap_placement.hpp"
#include "talc/os/pages.hpp"

namespace talc {

template <class Kernel = Pages>
class PageMap {
 public:
  static constexpr unsigned kAddressBits = kWordBits == 64 ? 48 : 32;
  static constexpr unsigned kLeafLog2 = 14;
  static constexpr size_t kLeafReach = size_t{1} << (kLeafLog2 + kGranuleLog2);

  struct Leaf {
    uint32_t entries[size_t{1} << kLeafLog2];
    std::atomic<void*> slabs[size_t{1} << kLeafLog2];
  };

  // The entry of the granule that holds `ptr`; of kind none if nobody ever set one. Cost: a load or
  // two.
  static PageEntry get(const void* ptr) {
    uint32_t* const slot = find(ptr);
    return slot == nullptr ? PageEntry() : load(*slot);
  }

  // Which near granule holds `ptr`; kNearSize or more if none does.
  static size_t near_granule(const void* ptr) {
    return (address_of(ptr) - near_base()) >> kGranuleLog2;
  }
  // The same for free's fast path: kNearSize or more also if `ptr` is no multiple of 16. Requires: near_base() told `base`, once something was reserved.
  static size_t near_index(const void* ptr, size_t base) {
    // What must be zero in the offset, low bits and high ones, is above the rest when it is rotated.
    const size_t offset = address_of(ptr) - base;
    const size_t rotated =
        offset >> kLeastAlignLog2 | offset << (kWordBits - kLeastAlignLog2) % kWordBits;
    return rotated >> (kGranuleLog2 - kLeastAlignLog2);
  }
  static constexpr size_t kNearSize = HeapPlacement::kNearBytes >> kGranuleLog2;
  // Requires: index < kNearSize.
  static PageEntry near_entry(size_t index) { return load(near_[index]); }
  static size_t near_base() { return near_base_.load(std::memory_order_relaxed); }

  // The metadata of the slab that the granule of `ptr` belongs to, null if it belongs to none.
  // Requires: an entry was set there once.
  static void* get_slab(const void* ptr) {
    const Leaf* const leaf = root_[root_index(ptr)].load(std::memory_order_acquire);
    return leaf->slabs[leaf_index(ptr)].load(std::memory_order_relaxed);
  }

  // Requires: reserved.
  static void set_slab(Span memory, void* slab) {
    for (char* at = memory.base; at < memory.acme; at += kGranuleSize) {
      Leaf* const leaf = root_[root_index(at)].load(std::memory_order_acquire);
      leaf->slabs[leaf_index(at)].store(slab, std::memory_order_relaxed);
    }
  }

  // Most processes touch a page or two of each table. Where the kernel gives huge pages unasked, that would
  // be 2 MiB of zeros for each, unless it is told in time.
  static void refuse_huge_pages() {
    keep_small(near_);
    keep_small(root_);
  }

  // Ensures: if true, set and exchange can't fail within `memory`, ever. False: out of memory, or
  // beyond the addresses that the map knows.
  static bool reserve(Span memory) {
    if (!is_known(memory.acme - 1)) {
      return false;
    }
    choose_near();
    const size_t last = root_index(memory.acme - 1);
    for (size_t index = root_index(memory.base); index <= last; ++index) {
      if (root_[index].load(std::memory_order_acquire) == nullptr) {
        Leaf* const leaf = take_leaf();
        if (leaf == nullptr) {
          return false;
        }
        install(index, leaf);
      }
    }
    return true;
  }

  // Sets the entry of each granule that `memory` touches. Requires: reserved.
  static void set(Span memory, PageEntry entry) {
    for (char* at = memory.base; at < memory.acme;
         at = align_down(at, kGranuleSize) + kGranuleSize) {
      set(at, entry);
    }
  }

  // Sets the entry of the granule that holds `ptr`. Requires: reserved.
  static void set(const void* ptr, PageEntry entry) {
    std::atomic_ref<uint32_t>(*find(ptr)).store(entry.bits(), std::memory_order_relaxed);
  }

  // Replaces `old` by `entry`, or returns false if it is no longer `old`. Requires: reserved.
  static bool replace(const void* ptr, PageEntry old, PageEntry entry) {
    uint32_t expected = old.bits();
    return std::atomic_ref<uint32_t>(*find(ptr))
        .compare_exchange_strong(expected, entry.bits(), std::memory_order_relaxed);
  }

  // A leaf in hand makes one address a reserved one later, when it is known, without fail: give it
  // back by return_leaf or use it by reserve_with. Null: out of memory.
  static Leaf* take_leaf() {
    if (Leaf* const spare = pop_spare()) {
      return spare;
    }
    if (next_static_.load(std::memory_order_relaxed) < kStaticLeaves) {
      const size_t index = next_static_.fetch_add(1, std::memory_order_relaxed);
      if (index < kStaticLeaves) {
        return &static_leaves_[index];
      }
    }
    return map_leaves();
  }

  static void return_leaf(Leaf* leaf) { push_spares(leaf, leaf); }

  // Ensures: the granule of `ptr` is reserved. Requires: the address is known to the map.
  static void reserve_with(Leaf* leaf, const void* ptr) { install(root_index(ptr), leaf); }

  // Whether the map can hold an entry for this address at all.
  static bool is_known(const void* ptr) {
    return kAddressBits == kWordBits || address_of(ptr) >> (kAddressBits % kWordBits) == 0;
  }

  // f(char* granule, PageEntry entry) for each huge block, lowest first. Blocks that come or go
  // meanwhile may be missed or seen after their end. Cost: linear in the addresses in use.
  template <class F>
  static void for_each_huge(F f) {
    for (size_t index = 0; index < kRootSize; ++index) {
      const Leaf* const leaf = root_[index].load(std::memory_order_acquire);
      for (size_t i = 0; leaf != nullptr && i < size_t{1} << kLeafLog2; ++i) {
        auto* const granule = reinterpret_cast<char*>((index * kLeafReach) + (i << kGranuleLog2));
        const PageEntry entry = get(granule);
        if (entry.kind() == PageEntry::Kind::huge) {
          f(granule, entry);
        }
      }
    }
  }

  // Bytes of the leaves in use. Most of them are never touched.
  static size_t leaf_bytes() { return installed_.load(std::memory_order_relaxed) * sizeof(Leaf); }
  // Mappings made for leaves.
  static size_t mapping_count() { return mappings_.load(std::memory_order_relaxed); }

 private:
  static constexpr size_t kRootSize = size_t{1} << (kAddressBits - kLeafLog2 - kGranuleLog2);
  static constexpr unsigned kLeastAlignLog2 = 4;
  // Farther from anything than near is long.
  static constexpr size_t kNowhere = size_t{1} << (kWordBits - 1);
  static constexpr size_t kStaticLeaves = 8;  // 1.5 MiB of .bss: enough for most programs
  static constexpr size_t kMappedLeaves = 4;  // a mapping from then on

  // How a leaf that is not in use remembers the next one. All its other bytes are zero.
  struct [[gnu::may_alias]] Spare {
    Spare* next;
  };

  static size_t root_index(const void* ptr) { return address_of(ptr) / kLeafReach; }
  static size_t leaf_index(const void* ptr) {
    return (address_of(ptr) >> kGranuleLog2) % (size_t{1} << kLeafLog2);
  }

  // Before anything is entered anywhere, so that each granule has one entry for good.
  static void choose_near() {
    if (near_base_.load(std::memory_order_relaxed) == kNowhere &&
        HeapPlacement::start() != nullptr) {
      near_base_.store(address_of(HeapPlacement::start()), std::memory_order_relaxed);
    }
  }

  // Whole granules are whole pages, of whatever size.
  template <class Table>
  static void keep_small(Table& table) {
    auto* const begin = reinterpret_cast<char*>(&table);
    const Span pages(align_up(begin, kGranuleSize), align_down(begin + sizeof table, kGranuleSize));
    if (pages.is_sized()) {
      Kernel::refuse_huge(pages);
    }
  }

  // Words of entries are plain, for compilers give up on a million atomic ones; all access is atomic.
  static PageEntry load(uint32_t& word) {
    return PageEntry(std::atomic_ref<uint32_t>(word).load(std::memory_order_relaxed));
  }

  [[gnu::always_inline]] static uint32_t* find(const void* ptr) {
    if (const size_t index = near_granule(ptr); index < kNearSize) [[likely]] {
      return &near_[index];
    }
    if (!is_known(ptr)) [[unlikely]] {
      return nullptr;
    }
    Leaf* const leaf = root_[root_index(ptr)].load(std::memory_order_acquire);
    return leaf == nullptr ? nullptr : &leaf->entries[leaf_index(ptr)];
  }

  // Whoever comes second keeps the first one's leaf.
  static void install(size_t index, Leaf* leaf) {
    Leaf* expected = nullptr;
    if (root_[index].compare_exchange_strong(expected, leaf, std::memory_order_acq_rel)) {
      installed_.fetch_add(1, std::memory_order_relaxed);
    } else {
      return_leaf(leaf);
    }
  }

  // Takes the whole list and puts back what is not needed: nobody can be misled by a leaf that was
  // taken and returned in between.
  static Leaf* pop_spare() {
    Spare* const first = spares_.exchange(nullptr, std::memory_order_acquire);
    if (first == nullptr) {
      return nullptr;
    }
    if (first->next != nullptr) {
      Spare* last = first->next;
      while (last->next != nullptr) {
        last = last->next;
      }
      push_spares(reinterpret_cast<Leaf*>(first->next), reinterpret_cast<Leaf*>(last));
    }
    first->next = nullptr;
    return reinterpret_cast<Leaf*>(first);
  }

  // Puts a list of leaves, linked already from `first` to `last`, back.
  static void push_spares(Leaf* first, Leaf* last) {
    auto* const link = reinterpret_cast<Spare*>(last);
    Spare* head = spares_.load(std::memory_order_relaxed);
    do {
      link->next = head;
    } while (!spares_.compare_exchange_weak(head, reinterpret_cast<Spare*>(first),
                                            std::memory_order_release, std::memory_order_relaxed));
  }

  // Maps a batch and returns one of it; where a batch is refused, one will do.
  [[gnu::cold, gnu::noinline]] static Leaf* map_leaves() {
    size_t count = kMappedLeaves;
    char* memory = Kernel::map(nullptr, count * sizeof(Leaf));
    if (memory == nullptr) {
      count = 1;
      memory = Kernel::map(nullptr, sizeof(Leaf));
    }
    if (memory == nullptr) {
      return nullptr;
    }
    mappings_.fetch_add(1, std::memory_order_relaxed);
    auto* const leaves = reinterpret_cast<Leaf*>(memory);
    for (size_t i = 1; i < count; ++i) {
      return_leaf(&leaves[i]);
    }
    return leaves;
  }

  static inline constinit std::atomic<size_t> near_base_{kNowhere};
  static inline constinit uint32_t near_[kNearSize] = {};
  static inline constinit std::atomic<Leaf*> root_[kRootSize] = {};
  static inline constinit Leaf static_leaves_[kStaticLeaves] = {};
  static inline constinit std::atomic<size_t> next_static_{0};
  static inline constinit std::atomic<size_t> installed_{0};
  static inline constinit std::atomic<size_t> mappings_{0};
  static inline constinit std::atomic<Spare*> spares_{nullptr};
};

}  // namespace talc
