// Magazine: a thread's free slots of one size class, as pointers in two small arrays.
//
//   take array   | null | block | block | … | block |           |     malloc takes at take_top
//                ^ take_bottom                ^ take_top
//   put array    | null | block | block |                       |     free stores at put_top
//                                        ^ put_top               ^ put_end
//
// Two arrays, not one: a take that loads what the last put has just stored, at the same address,
// waits for the store on current processors. When the take array is empty and the put array is not,
// they change places. The null at the bottom is how a take finds the array empty. No list runs
// through freed memory: what the program writes there harms nobody, and a cold block is not touched.
//
// Only the owning thread changes a magazine; others may look, for statistics, so its words are
// atomic, relaxed. ThreadCache has one for each class, and fills and empties it.
#pragma once

#include <atomic>

#include "talc/base/assert.hpp"
#include "talc/base/memory.hpp"
#include "talc/front/page_entry.hpp"

namespace talc {

class alignas(PageEntry::kClassStep) Magazine {
 public:
  // Without arrays: nothing to take, no room.
  constexpr Magazine() = default;

  // Returns a block, or null when the take array is empty.
  void* take() {
    void** const top = take_top_.load(std::memory_order_relaxed);
    void* const block = *top;
    if (block != nullptr) [[likely]] {
      take_top_.store(top - 1, std::memory_order_relaxed);
    }
    return block;
  }

  // Stores a block. False: the put array is full, or `block` was the last one put.
  bool put(void* block) {
    void** const top = put_top_.load(std::memory_order_relaxed);
    if (top == put_end_.load(std::memory_order_relaxed) || top[-1] == block) [[unlikely]] {
      return false;
    }
    *top = block;
    put_top_.store(top + 1, std::memory_order_relaxed);
    return true;
  }

  bool was_put_last(const void* block) const {
    return put_top_.load(std::memory_order_relaxed)[-1] == block;
  }

  // ---- for ThreadCache; `capacity` is that of each array ----

  static constexpr size_t array_bytes(unsigned capacity) {
    return 2 * (size_t{capacity} + 1) * sizeof(void*);
  }

  unsigned take_depth() const {
    return static_cast<unsigned>(take_top_.load(std::memory_order_relaxed) - take_bottom());
  }
  unsigned put_depth(unsigned capacity) const {
    return static_cast<unsigned>(put_top_.load(std::memory_order_relaxed) - put_bottom(capacity)) -
           1;
  }

  // The slots that the last put left, oldest first.
  void** put_begin(unsigned capacity) const { return put_bottom(capacity) + 1; }
  void** take_begin() const { return take_bottom() + 1; }

  // The arrays change places. Requires: the take array is empty.
  void swap(unsigned capacity) {
    void** const new_put = take_bottom();
    const unsigned count = put_depth(capacity);
    set_bottoms(put_bottom(capacity), new_put, capacity);
    set_take_depth(count);
    set_put_depth(0, capacity);
  }

  // The take array holds `count` blocks now, or the put array. Requires: they stand in it.
  void set_take_depth(unsigned count) {
    take_top_.store(take_bottom() + count, std::memory_order_relaxed);
  }
  void set_put_depth(unsigned count, unsigned capacity) {
    put_top_.store(put_begin(capacity) + count, std::memory_order_relaxed);
  }

  // Moves into other arrays, in `memory` of array_bytes(new_capacity). Returns the old memory, null
  // if there was none. Requires: new_capacity ≥ capacity.
  void* attach(void* memory, unsigned new_capacity, unsigned capacity) {
    const unsigned taken = take_depth();
    const unsigned put = put_depth(capacity);
    auto** const arrays = static_cast<void**>(memory);
    void** const new_put = arrays + new_capacity + 1;
    arrays[0] = new_put[0] = nullptr;
    if (capacity != 0) {
      copy_bytes(arrays + 1, take_begin(), taken * sizeof(void*));
      copy_bytes(new_put + 1, put_begin(capacity), put * sizeof(void*));
    }
    void* const old = detach(capacity);
    set_bottoms(arrays, new_put, new_capacity);
    set_take_depth(taken);
    set_put_depth(put, new_capacity);
    return old;
  }

  // Without arrays again. Returns their memory, null if there was none.
  void* detach(unsigned capacity) {
    void** const put = put_bottom(capacity);
    void** const old = take_bottom() < put ? take_bottom() : put;
    set_bottoms(no_slots_, no_slots_, 0);
    set_take_depth(0);
    set_put_depth(0, 0);
    return capacity == 0 ? nullptr : old;
  }

 private:
  void** take_bottom() const { return take_bottom_.load(std::memory_order_relaxed); }
  void** put_bottom(unsigned capacity) const {
    return put_end_.load(std::memory_order_relaxed) - capacity - 1;
  }
  void set_bottoms(void** take, void** put, unsigned capacity) {
    take_bottom_.store(take, std::memory_order_relaxed);
    put_end_.store(put + 1 + capacity, std::memory_order_relaxed);
  }

  // Holds null, and nobody writes to it.
  static inline constinit void* no_slots_[1] = {nullptr};

  std::atomic<void**> take_top_{no_slots_};
  std::atomic<void**> put_top_{no_slots_ + 1};
  std::atomic<void**> put_end_{no_slots_ + 1};
  std::atomic<void**> take_bottom_{no_slots_};
};

static_assert(kWordBits != 64 || sizeof(Magazine) == PageEntry::kClassStep);

}  // namespace talc
