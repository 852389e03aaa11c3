// What a program without an operating system makes of talc: the freestanding door alone, an arena in
// a static array, a lock, every operation. It is compiled for machines that have no standard library
// and never run; scripts/checks/freestanding looks at which functions it would have to be linked to.
#include "talc/freestanding.hpp"

// Some processors have no atomic operation to make a lock of.
#ifndef ARENA_LOCK
#define ARENA_LOCK SpinLock
#endif

namespace {

alignas(size_t) char memory[8192];

constinit auto heap = talc::Talc<talc::ClaimOnOom, talc::Config{.counters = true}>{
    talc::ClaimOnOom{talc::Span::from_array(
        memory)}}.lock<talc::ARENA_LOCK>();

}  // namespace

extern "C" {

void* arena_malloc(size_t size, size_t align) { return heap.malloc(size, align); }

void arena_free(void* ptr, size_t size) { heap.free(ptr, size); }

void* arena_realloc(void* ptr, size_t old_size, size_t new_size, size_t align) {
  return heap.realloc(ptr, old_size, new_size, align);
}

bool arena_grow_in_place(void* ptr, size_t old_size, size_t new_size) {
  return heap.grow_in_place(ptr, old_size, new_size);
}

void arena_shrink(void* ptr, size_t old_size, size_t new_size) {
  heap.shrink(ptr, old_size, new_size);
}

bool arena_claim(char* base, size_t size) {
  const talc::Span claimed = heap.lock()->claim(talc::Span::from_base_size(base, size));
  return heap.lock()->extend(claimed, claimed).is_sized() &&
         heap.lock()->truncate(claimed, heap.lock()->get_allocated_span(claimed)).is_sized();
}

const char* arena_fault() { return heap.lock()->find_fault(); }

size_t arena_live_bytes() { return heap.get_counters().live_bytes; }
}
