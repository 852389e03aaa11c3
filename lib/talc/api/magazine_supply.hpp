// MagazineSupply: where magazines get their arrays and their slots from, and who gets how much.
//
//   loaded empty ──> exchange with the spare array ──> refill from the arena's bank, more each time
//   loaded full  ──> exchange ──> grow: arrays twice as large ──> flush the spare one to the bank
//   a pass of the purger          ──> magazines that the thread has not used since the one before go home
//   the thread ends ──> park: slots go home, small arrays wait with the cache for the next thread
//   1 MiB freed and nothing taken ──> drain: all magazines go home, and stay small and go home together
//                                     whenever one is full, until one is found empty
//
// Magazines grow with use, as long as all of them together hold no more than a budget: the more of
// it is granted, the smaller are arrays allowed to become. A thread that only frees needs none of that,
// and should it fall asleep then, nobody else could empty them. Every call but take_spare happens in a
// visit to the cache's arena, with the cache marked as being changed. Used by ThreadCaches and
// SmallBlocks.
#pragma once

#include "talc/api/arena.hpp"
#include "talc/api/cache_budget.hpp"
#include "talc/base/scatter.hpp"

namespace talc {

template <class Kernel>
class MagazineSupply {
 public:
  using TheArena = Arena<Kernel>;

  // What magazines may grow to hold: this, or that share of what is mapped, if it is more. Beyond
  // it, magazines of the smallest classes still get kLeastCapacity: 4.5 KiB a thread.
  static constexpr size_t kLeastBudget = size_t{44} << 20;
  static constexpr size_t kBudgetShare = 32;
  static constexpr unsigned kLeastCapacity = 4;
  static constexpr size_t kMaxLeastSize = 128;
  // A thread is draining when it has freed so much since it last found a magazine empty. Then an array
  // has its share of so many slots, and kLeastDraining at least.
  static constexpr size_t kDrainBytes = size_t{1} << 20;
  static constexpr unsigned kDrainingSlots = 1024;
  static constexpr unsigned kLeastDraining = 8;

  constexpr MagazineSupply() = default;

  // Returns a block if there is one in the spare array. Requires: the loaded one is empty.
  static void* take_spare(ThreadCache& cache, unsigned size_class) {
    Magazine& magazine = cache.magazine(size_class);
    ThreadCache::Supply& supply = cache.supply(size_class);
    if (supply.spare_depth == 0 || cache.is_changing()) {
      return nullptr;
    }
    const ThreadCache::Changing changing(cache);
    cache.freed_bytes = 0;
    exchange(magazine, supply);
    return magazine.take();
  }

  // Fills the loaded array, as far as there is memory. Returns what nobody has touched of the slots.
  // Requires: both arrays are empty.
  Span refill(TheArena& home, ThreadCache& cache, unsigned size_class) {
    Magazine& magazine = cache.magazine(size_class);
    ThreadCache::Supply& supply = cache.supply(size_class);
    cache.freed_bytes = 0;
    empty_idle(home, cache);
    if (supply.next_refill >= supply.capacity) {
      grow(home, cache, size_class);
    }
    const unsigned capacity = supply.capacity;
    const unsigned wanted = supply.next_refill < capacity ? supply.next_refill : capacity;
    void** const begin = magazine.begin(capacity);
    const Slab::Taken taken = home.take_slots(size_class, wanted, begin + wanted);
    if (taken.count < wanted) {
      __builtin_memmove(begin, begin + wanted - taken.count, taken.count * sizeof(void*));
    }
    if constexpr (requires { Kernel::kShufflesSlots; }) {
      shuffle(begin, taken.count);
    }
    magazine.set_depth(taken.count, capacity);
    supply.populated = 0;
    supply.next_refill = static_cast<uint16_t>(2 * wanted);
    return taken.fresh;
  }

  // Makes room in the loaded array, which is full. There is none afterwards if there are no arrays,
  // nor may be.
  void grow_or_flush(TheArena& home, ThreadCache& cache, unsigned size_class) {
    Magazine& magazine = cache.magazine(size_class);
    ThreadCache::Supply& supply = cache.supply(size_class);
    empty_idle(home, cache);
    count_freed(cache, supply.capacity, size_class);
    if (is_draining(cache) && supply.capacity != 0) {
      drain(home, cache);
    }
    if (!grow(home, cache, size_class) && supply.capacity != 0) {
      flush_spare(home, cache, size_class);
      exchange(magazine, supply);
    }
  }

  // As grow_or_flush, without a visit. Returns whether it was possible.
  static bool exchange_if_spare_is_empty(ThreadCache& cache, unsigned size_class) {
    ThreadCache::Supply& supply = cache.supply(size_class);
    if (supply.spare_depth != 0 || supply.capacity == 0) {
      return false;
    }
    const ThreadCache::Changing changing(cache);
    count_freed(cache, supply.capacity, size_class);
    exchange(cache.magazine(size_class), supply);
    return true;
  }

  // Sends all slots home, and gives all arrays back.
  void empty_all(TheArena& home, ThreadCache& cache) {
    size_t given_back = 0;
    for (unsigned i = 0; i < SizeClasses::kCount; ++i) {
      given_back += empty(home, cache, i);
    }
    budget_.give_back(given_back - cache.parked_bytes);
    cache.parked_bytes = 0;
  }

  // The cache's thread ends. Sends all slots home, and gives the arrays back that have grown. The first ones
  // stay, and are no part of the budget until another thread has the cache: a thread that lives for a moment
  // would else ask for each of them, and for its share of what all threads count in.
  void park(TheArena& home, ThreadCache& cache) {
    size_t given_back = 0;
    for (unsigned i = 0; i < SizeClasses::kCount; ++i) {
      ThreadCache::Supply& supply = cache.supply(i);
      if (supply.capacity > ThreadCache::first_capacity(i)) {
        given_back += empty(home, cache, i);
      } else if (supply.capacity != 0) {
        flush(home, cache, i);
        supply.next_refill = first_refill(supply.capacity);
        cache.parked_bytes += held_by(i, supply.capacity);
      }
    }
    budget_.give_back(given_back + cache.parked_bytes);
  }
  // A thread begins with a cache that another one had, parked or, if that could not be, as it was.
  void unpark(TheArena& home, ThreadCache& cache) {
    cache.freed_bytes = 0;
    if (budget_.part_of(ThreadCache::kMinCapacity) == 0) [[unlikely]] {
      empty_all(home, cache);
    } else {
      budget_.grant(cache.parked_bytes);
      cache.parked_bytes = 0;
    }
  }

  // In the child of a fork, for all caches that it goes on with: after restart_budget().
  void grant_again(const ThreadCache& cache) {
    for (unsigned i = 0; i < SizeClasses::kCount && cache.parked_bytes == 0; ++i) {
      budget_.grant(held_by(i, cache.supply(i).capacity));
    }
  }
  void restart_budget() { budget_.restart(); }

 private:
  // After a pass of the purger, empties the magazines that the thread has not used since it last did so.
  // What lies in one keeps its page, and only the thread itself can send it home.
  void empty_idle(TheArena& home, ThreadCache& cache) {
    if (cache.seen_pass != PurgeNotice<Kernel>::passes()) [[unlikely]] {
      cache.seen_pass = PurgeNotice<Kernel>::passes();
      empty_unmoved(home, cache);
    }
  }
  [[gnu::noinline]] void empty_unmoved(TheArena& home, ThreadCache& cache) {
    size_t given_back = 0;
    for (unsigned i = 0; i < SizeClasses::kCount; ++i) {
      ThreadCache::Supply& supply = cache.supply(i);
      const uint16_t moves = cache.magazine(i).moves(supply.capacity);
      if (moves == supply.moves) {
        given_back += empty(home, cache, i);
      } else {
        supply.moves = moves;
      }
    }
    budget_.give_back(given_back);
  }

  static void count_freed(ThreadCache& cache, unsigned count, unsigned size_class) {
    cache.freed_bytes += is_draining(cache) ? 0 : count * SizeClasses::size_of(size_class);
  }
  static bool is_draining(const ThreadCache& cache) { return cache.freed_bytes >= kDrainBytes; }

  // Sends all slots home. Arrays that are larger than the thread's share go, too: it is as large as the
  // classes in use are few.
  [[gnu::noinline]] void drain(TheArena& home, ThreadCache& cache) {
    unsigned classes = 0;
    size_t given_back = 0;
    for (unsigned i = 0; i < SizeClasses::kCount; ++i) {
      ThreadCache::Supply& supply = cache.supply(i);
      classes += supply.capacity != 0 ? 1 : 0;
      if (supply.capacity > cache.draining_capacity) {
        given_back += empty(home, cache, i);
      } else if (supply.capacity != 0) {
        flush(home, cache, i);
      }
    }
    budget_.give_back(given_back);
    const unsigned share = kDrainingSlots / (classes + 1);
    cache.draining_capacity =
        static_cast<uint16_t>(share < kLeastDraining ? kLeastDraining : share);
  }

  // The bytes that the two arrays of a magazine may hold.
  static size_t held_by(unsigned size_class, unsigned capacity) {
    return 2 * size_t{capacity} * SizeClasses::size_of(size_class);
  }

  static void exchange(Magazine& magazine, ThreadCache::Supply& supply) {
    supply.spare_depth =
        static_cast<uint16_t>(magazine.exchange(supply.spare_depth, supply.capacity));
  }

  // Sends all slots of a class home, and gives the arrays back. Returns what is the budget's again.
  [[nodiscard]] static size_t empty(TheArena& home, ThreadCache& cache, unsigned size_class) {
    ThreadCache::Supply& supply = cache.supply(size_class);
    const unsigned capacity = supply.capacity;
    if (capacity == 0) {
      return 0;
    }
    flush(home, cache, size_class);
    home.return_chunk(cache.magazine(size_class).detach(), Magazine::array_bytes(capacity));
    supply.capacity = supply.next_refill = 0;
    return held_by(size_class, capacity);
  }

  // Sends all slots of a class home. Requires: it has arrays.
  static void flush(TheArena& home, ThreadCache& cache, unsigned size_class) {
    flush_loaded(home, cache, size_class);
    flush_spare(home, cache, size_class);
    cache.supply(size_class).populated = 0;
  }
  static void flush_loaded(TheArena& home, ThreadCache& cache, unsigned size_class) {
    Magazine& magazine = cache.magazine(size_class);
    const unsigned capacity = cache.supply(size_class).capacity;
    home.put_slots(magazine.begin(capacity), magazine.depth(capacity), size_class);
    magazine.set_depth(0, capacity);
  }
  // Those of the spare array were freed longer ago than those of the loaded one.
  static void flush_spare(TheArena& home, ThreadCache& cache, unsigned size_class) {
    ThreadCache::Supply& supply = cache.supply(size_class);
    void** const begin = cache.magazine(size_class).spare_begin(supply.capacity);
    home.put_slots(begin, supply.spare_depth, size_class);
    supply.spare_depth = 0;
  }

  // Doubles a magazine's arrays, or gives it its first. Returns whether they have grown: not beyond
  // the class's limit, nor the budget of all, nor without memory.
  bool grow(TheArena& home, ThreadCache& cache, unsigned size_class) {
    Magazine& magazine = cache.magazine(size_class);
    ThreadCache::Supply& supply = cache.supply(size_class);
    const unsigned capacity = supply.capacity;
    const unsigned most = capacity_limit(size_class);
    const unsigned limit =
        is_draining(cache) && most > cache.draining_capacity ? cache.draining_capacity : most;
    unsigned wanted = capacity == 0 ? ThreadCache::first_capacity(size_class) : 2 * capacity;
    wanted = wanted < limit ? wanted : limit;
    void* const memory =
        wanted <= capacity ? nullptr : home.take_chunk(Magazine::array_bytes(wanted), kWordSize);
    if (memory == nullptr) {
      return false;
    }
    if (void* const old = magazine.attach(memory, wanted, capacity, supply.spare_depth)) {
      home.return_chunk(old, Magazine::array_bytes(capacity));
    } else {
      supply.next_refill = first_refill(wanted);
    }
    supply.capacity = static_cast<uint16_t>(wanted);
    budget_.grant(held_by(size_class, wanted - capacity));
    return true;
  }

  static uint16_t first_refill(unsigned capacity) {
    return static_cast<uint16_t>(capacity < 2 ? 1 : capacity / 2);
  }

  // What an array of the class may have now.
  unsigned capacity_limit(unsigned size_class) const {
    const size_t limit = budget_.part_of(ThreadCache::max_capacity(size_class));
    if (limit == 0) {
      return SizeClasses::size_of(size_class) <= kMaxLeastSize ? kLeastCapacity : 0;
    }
    return static_cast<unsigned>(limit);
  }

  // Fisher's and Yates's.
  void shuffle(void** slots, unsigned count) {
    size_t random = random_.load(std::memory_order_relaxed) ^ Pages::secret();
    for (unsigned i = count; i > 1; --i) {
      const size_t other = draw_below(i, random);
      void* const slot = slots[i - 1];
      slots[i - 1] = slots[other];
      slots[other] = slot;
    }
    random_.store(random, std::memory_order_relaxed);
  }

  CacheBudget<Kernel, kLeastBudget, kBudgetShare> budget_;  // of the bytes that they may hold
  std::atomic<size_t> random_{0};                           // if slots are shuffled
};

}  // namespace talc
