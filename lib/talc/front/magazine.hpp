// Magazine: a thread's free slots of one size class, as pointers in two small arrays.
//
//   loaded   | null | block | block | block |                   |     malloc takes at top, free puts
//            ^ bottom                 ^ top                     ^ end
//   spare    | null | block | block | …                         |     empty, or full, or nearly so
//
// What was freed last is taken first, while its lines are in the processor's cache. When the loaded
// array is empty and the spare one is not, or full and the spare one has nothing, they change
// places: a thread that allocates and frees around the edge of an array does not visit its arena for
// that. (Two magazines for each class and processor: Bonwick and Adams, "Magazines and Vmem", USENIX
// 2001. docs/decisions/0009 has what else was tried.) The null at the bottom is how a take finds the
// array empty. No list runs through freed memory: what the program writes there harms nobody, and a
// cold block is not touched.
//
// Only the owning thread changes a magazine; others may look, for statistics, so what they look at
// is atomic, relaxed. ThreadCache has one for each class; SmallBlocks fills and empties it.
#pragma once

#include <atomic>

#include "talc/base/memory.hpp"
#include "talc/front/add_alone.hpp"
#include "talc/front/page_entry.hpp"

namespace talc {

class alignas(PageEntry::kClassStep) Magazine {
 public:
  // Of a thread that has no cache: there is nothing to take, and nothing may be put.
  constexpr Magazine() = default;
  // Of a cache that begins. Ensures: there are no arrays, nothing to take, no room.
  void begin_empty() { detach(); }

  // Returns a block, or null when the loaded array is empty.
  void* take() {
    void** const top = top_.load(std::memory_order_relaxed);
    void* const block = *top;
    if (block != nullptr) [[likely]] {
      top_.store(top - 1, std::memory_order_relaxed);
      add_alone(taken_, 1);
    }
    return block;
  }

  // Stores a block. False: the loaded array is full, or `block` is on top of it already.
  bool put(void* block) {
    return put([this]() -> Magazine& { return *this; }, block);
  }
  // The same in magazine(), which is asked for each access. Inlined whatever the compiler thinks: else
  // `free` has a call and a stack frame.
  template <class Find>
  [[gnu::always_inline]] static bool put(Find magazine, void* block) {
    void** const top = magazine().top_.load(std::memory_order_relaxed);
    if (top == magazine().end_ || *top == block) [[unlikely]] {
      return false;
    }
    __atomic_store_n(top + 1, block, __ATOMIC_RELAXED);
    magazine().top_.store(top + 1, std::memory_order_relaxed);
    return true;
  }

  bool is_on_top(const void* block) const { return *top_.load(std::memory_order_relaxed) == block; }

  // Blocks ever taken.
  size_t taken() const { return taken_.load(std::memory_order_relaxed); }

  // ---- for SmallBlocks, which remembers the capacity of each array, and how full the spare is ----

  static constexpr size_t array_bytes(unsigned capacity) {
    return 2 * (size_t{capacity} + 1) * sizeof(void*);
  }

  // Counts, as it were, takes and puts: another number than before, but for a rare chance, if there was any.
  uint16_t moves(unsigned capacity) const {
    return static_cast<uint16_t>(2 * taken() + depth(capacity));
  }

  // The blocks of the loaded array, oldest first, and how many they are.
  void** begin(unsigned capacity) const { return bottom(capacity) + 1; }
  unsigned depth(unsigned capacity) const {
    return static_cast<unsigned>(top_.load(std::memory_order_relaxed) - bottom(capacity));
  }
  // The loaded array holds `count` blocks now. Requires: they stand in it.
  void set_depth(unsigned count, unsigned capacity) {
    top_.store(bottom(capacity) + count, std::memory_order_relaxed);
  }

  // Calls f(block) for each block of both arrays. For any thread: what it sees while the owner works
  // may be of another moment. Requires: the arrays stay; `depth` and `spare_depth` ≤ capacity.
  template <class F>
  void for_each(unsigned capacity, unsigned depth, unsigned spare_depth, F f) const {
    for (unsigned i = 0; i < depth; ++i) {
      f(__atomic_load_n(begin(capacity) + i, __ATOMIC_RELAXED));
    }
    for (unsigned i = 0; i < spare_depth; ++i) {
      f(__atomic_load_n(spare_begin(capacity) + i, __ATOMIC_RELAXED));
    }
  }

  // The blocks of the spare array. Requires: there are arrays.
  void** spare_begin(unsigned capacity) const { return spare_bottom(capacity) + 1; }

  // The arrays change places. `spare_depth` is how full the spare one is; returns how full it is now.
  // Requires: there are arrays.
  unsigned exchange(unsigned spare_depth, unsigned capacity) {
    const unsigned loaded_depth = depth(capacity);
    load(spare_bottom(capacity), spare_depth, capacity);
    return loaded_depth;
  }

  // Moves into other arrays, in `memory` of array_bytes(new_capacity). Returns the old memory, null
  // if there was none. Requires: new_capacity ≥ capacity.
  void* attach(void* memory, unsigned new_capacity, unsigned capacity, unsigned spare_depth) {
    const unsigned loaded_depth = depth(capacity);
    auto** const arrays = static_cast<void**>(memory);
    void** const new_spare = arrays + new_capacity + 1;
    arrays[0] = new_spare[0] = nullptr;
    if (capacity != 0) {
      copy_bytes(arrays + 1, begin(capacity), loaded_depth * sizeof(void*));
      copy_bytes(new_spare + 1, spare_begin(capacity), spare_depth * sizeof(void*));
    }
    void* const old = detach();
    arrays_.store(arrays, std::memory_order_relaxed);
    load(arrays, loaded_depth, new_capacity);
    return old;
  }

  // Without arrays again. Returns their memory, null if there was none.
  void* detach() {
    void** const old = arrays_.load(std::memory_order_relaxed);
    arrays_.store(no_slots_, std::memory_order_relaxed);
    load(no_slots_, 0, 0);
    return old == no_slots_ ? nullptr : old;
  }

 private:
  // The array that begins at `bottom` becomes the loaded one.
  void load(void** bottom, unsigned depth, unsigned capacity) {
    end_ = bottom + capacity;
    top_.store(bottom + depth, std::memory_order_relaxed);
  }

  // The arrays stand side by side: which of them is loaded, its top tells.
  bool is_first_loaded(unsigned capacity) const {
    return top_.load(std::memory_order_relaxed) <=
           arrays_.load(std::memory_order_relaxed) + capacity;
  }
  void** bottom(unsigned capacity) const {
    return arrays_.load(std::memory_order_relaxed) + (is_first_loaded(capacity) ? 0 : capacity + 1);
  }
  void** spare_bottom(unsigned capacity) const {
    return arrays_.load(std::memory_order_relaxed) + (is_first_loaded(capacity) ? capacity + 1 : 0);
  }

  // Holds null, and nobody writes to it.
  static inline constinit void* no_slots_[1] = {nullptr};

  std::atomic<void**> top_{no_slots_};
  void** end_ = nullptr;  // not atomic, so that a comparison can have it in memory
  std::atomic<size_t> taken_{0};
  std::atomic<void**> arrays_{nullptr};
};

static_assert(kWordBits != 64 || sizeof(Magazine) == PageEntry::kClassStep);

}  // namespace talc
