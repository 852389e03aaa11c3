// PageMap: which granule of the address space is whose. It answers for any address at all, ours or
// not, without touching what the address points to: that is how a wrong pointer is known before it
// does harm.
//
//   address   | 0 … 0 | root index, 18 bits | leaf index, 14 bits | in the granule, 16 bits |
//                            |                     |
//   root_  [leaf][ 0 ][ 0 ][leaf] …  one for each GiB      leaf  [entry][entry] …  16384 of 4 bytes
//                                                                [slab ][slab ] …  16384 pointers
//
// Beside the entries a leaf holds, for granules of slabs, where the slab's metadata is.
// The root is 2 MiB of zeros in .bss, which cost nothing until they are touched; leaves are made
// when first needed and stay. Readers take no lock: two loads. Writers only write granules they
// own, and leaves are published by compare-and-swap, so nobody takes a lock, and fork has nothing
// to repair. One map a process (for each Kernel type). Used by all of api/; the kernel comes from
// os/pages.hpp.
#pragma once

#include <atomic>

#include "talc/base/memory.hpp"
#include "talc/base/span.hpp"
#include "talc/front/page_entry.hpp"
#include "talc/os/pages.hpp"

namespace talc {

template <class Kernel = Pages>
class PageMap {
 public:
  static constexpr unsigned kAddressBits = kWordBits == 64 ? 48 : 32;
  static constexpr unsigned kLeafLog2 = 14;
  static constexpr size_t kLeafReach = size_t{1} << (kLeafLog2 + kGranuleLog2);

  struct Leaf {
    std::atomic<uint32_t> entries[size_t{1} << kLeafLog2];
    std::atomic<void*> slabs[size_t{1} << kLeafLog2];
  };

  // The entry of the granule that holds `ptr`; of kind none if nobody ever set one. Cost: two
  // loads.
  static PageEntry get(const void* ptr) {
    const std::atomic<uint32_t>* const slot = find(ptr);
    return slot == nullptr ? PageEntry() : PageEntry(slot->load(std::memory_order_relaxed));
  }

  // The same in fewer instructions, for free's fast path; none also if `ptr` is no multiple of 16.
  static PageEntry get_if_aligned(const void* ptr) {
    if constexpr (kAddressBits == kWordBits) {
      return is_aligned(ptr, kLeastAlign) ? get(ptr) : PageEntry();
    } else {
      // What must be zero in a pointer of ours, low bits and high ones, is above the rest now.
      const size_t rotated = address_of(ptr) >> kLeastAlignLog2 |
                             address_of(ptr) << (kWordBits - kLeastAlignLog2) % kWordBits;
      const size_t index = rotated >> (kLeafLog2 + kGranuleLog2 - kLeastAlignLog2);
      if (index >= kRootSize) [[unlikely]] {
        return PageEntry();
      }
      const Leaf* const leaf = root_[index].load(std::memory_order_relaxed);
      if (leaf == nullptr) [[unlikely]] {
        return PageEntry();
      }
      const size_t entry = rotated >> (kGranuleLog2 - kLeastAlignLog2);
      return PageEntry(
          leaf->entries[entry % (size_t{1} << kLeafLog2)].load(std::memory_order_relaxed));
    }
  }

  // The metadata of the slab that the granule of `ptr` belongs to. Requires: set_slab told it.
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

  // Ensures: if true, set and exchange can't fail within `memory`, ever. False: out of memory, or
  // beyond the addresses that the map knows.
  static bool reserve(Span memory) {
    if (!is_known(memory.acme - 1)) {
      return false;
    }
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
      find(at)->store(entry.bits(), std::memory_order_relaxed);
    }
  }

  // Sets the entry of the granule that holds `ptr`. Requires: reserved.
  static void set(const void* ptr, PageEntry entry) {
    find(ptr)->store(entry.bits(), std::memory_order_relaxed);
  }

  // Replaces `old` by `entry`, or returns false if it is no longer `old`. Requires: reserved.
  static bool replace(const void* ptr, PageEntry old, PageEntry entry) {
    uint32_t expected = old.bits();
    return find(ptr)->compare_exchange_strong(expected, entry.bits(), std::memory_order_relaxed);
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
        const PageEntry entry(leaf->entries[i].load(std::memory_order_relaxed));
        if (entry.kind() == PageEntry::Kind::huge) {
          f(reinterpret_cast<char*>((index * kLeafReach) + (i << kGranuleLog2)), entry);
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
  static constexpr size_t kLeastAlign = size_t{1} << kLeastAlignLog2;
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

  static std::atomic<uint32_t>* find(const void* ptr) {
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

  static inline constinit std::atomic<Leaf*> root_[kRootSize] = {};
  static inline constinit Leaf static_leaves_[kStaticLeaves] = {};
  static inline constinit std::atomic<size_t> next_static_{0};
  static inline constinit std::atomic<size_t> installed_{0};
  static inline constinit std::atomic<size_t> mappings_{0};
  static inline constinit std::atomic<Spare*> spares_{nullptr};
};

}  // namespace talc
