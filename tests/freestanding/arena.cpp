// What a program without an operating system makes of talc: the freestanding door alone, an arena in
// a static array, a lock, every operation, the counters as a table. It is compiled for machines that have no standard library
// and never run; scripts/checks/freestanding looks at which functions it would have to be linked to.
#include "talc/freestanding.hpp"

// Some processors have no atomic operation to make a lock of.
#ifndef ARENA_LOCK
#define ARENA_LOCK SpinLock
#endif

namespace {

alignas(size_t) char memory[8192];

// Neither lock nor counters.
constinit talc::Talc<talc::ErrOnOom> bare_heap;

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

void* arena_grow(void* ptr, size_t old_size, size_t new_size, size_t align) {
  return heap.grow(ptr, old_size, new_size, align);
}

void* arena_malloc_behind_header(size_t size, size_t align, size_t header_size) {
  return heap.lock()->malloc_aligned_at(size, align, header_size);
}

size_t arena_count_chunks() {
  size_t count = 0;
  auto talc = heap.lock();
  talc->for_each_heap([&](talc::Span a_heap) {
    talc->for_each_chunk(a_heap, [&](talc::Span, bool) { count += 1; });
  });
  return count;
}

void arena_print(void (*write)(void*, const char*, size_t), void* context) {
  talc::print_counters(talc::TextSink{write, context}, heap.get_counters());
}

size_t arena_print_memory(char (&buffer)[64]) {
  talc::TextWriter out(buffer);
  talc::Span::from_array(memory).print(out);
  return out.size();
}

void* bare_malloc(size_t size, size_t align) { return bare_heap.malloc(size, align); }

void* bare_realloc(void* ptr, size_t old_size, size_t new_size, size_t align) {
  return bare_heap.realloc(ptr, old_size, new_size, align);
}
}
