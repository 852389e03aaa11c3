// The C API of talc/talc.h: an engine that lives at the start of the memory it allocates from.
//
//   memory                                                                 memory + size
//   |unaligned| talc_arena: the engine | first heap: header, bins, chunks …     |unaligned|
//
// The header says what callers may rely on. The process heap and its locks have no part in this.
#include "talc/talc.h"

#include "interpose/export.hpp"
#include "interpose/growing_struct.hpp"
#include "talc/base/memory.hpp"
#include "talc/base/span.hpp"
#include "talc/core/talc.hpp"
#include "talc/oom/err_on_oom.hpp"

struct talc_arena {
  talc::Talc<talc::ErrOnOom, talc::Config{.counters = true}> engine;
};

namespace {

// False: not an alignment. Zero is replaced by what it stands for.
bool resolve_align(size_t& align) {
  if (align == 0) {
    align = alignof(max_align_t);
  }
  return talc::is_power_of_two(align);
}

// Whether each block that was counted has a chunk, as has each gap; the rest are the engine's own
// tables.
bool is_accounted_for(const talc_arena& arena) {
  size_t chunks = 0;
  arena.engine.for_each_heap([&](talc::Span heap) {
    arena.engine.for_each_chunk(heap, [&](talc::Span, bool) { chunks += 1; });
  });
  const talc::Counters counters = arena.engine.get_counters();
  return chunks > counters.live_allocations + counters.gap_count;
}

}  // namespace

extern "C" {

TALC_EXPORT talc_arena* talc_arena_create(void* memory, size_t size) {
  const talc::Span span =
      talc::Span::from_base_size(static_cast<char*>(memory), size).word_align_inward();
  if (memory == nullptr || span.size() < sizeof(talc_arena)) {
    return nullptr;
  }
  static_assert(alignof(talc_arena) <= talc::kWordSize);
  auto* const arena = new (talc::kPlacement, span.base) talc_arena;
  const talc::Span heap = arena->engine.claim(span.above(span.base + sizeof(talc_arena)));
  return heap.is_sized() ? arena : nullptr;
}

TALC_EXPORT int talc_arena_claim(talc_arena* arena, void* memory, size_t size) {
  const talc::Span span = talc::Span::from_base_size(static_cast<char*>(memory), size);
  return memory != nullptr && arena->engine.claim(span).is_sized() ? 0 : -1;
}

TALC_EXPORT void* talc_arena_malloc(talc_arena* arena, size_t size, size_t align) {
  return resolve_align(align) ? arena->engine.malloc(size, align) : nullptr;
}

TALC_EXPORT void talc_arena_free(talc_arena* arena, void* block, size_t size, size_t) {
  if (block != nullptr) {
    arena->engine.free(block, size);
  }
}

TALC_EXPORT void* talc_arena_realloc(talc_arena* arena, void* block, size_t old_size, size_t align,
                                     size_t new_size) {
  if (!resolve_align(align)) {
    return nullptr;
  }
  return block == nullptr ? arena->engine.malloc(new_size, align)
                          : arena->engine.realloc(block, old_size, new_size, align);
}

TALC_EXPORT int talc_arena_check(talc_arena* arena) {
  return arena->engine.find_fault() == nullptr && is_accounted_for(*arena) ? 0 : -1;
}

TALC_EXPORT void talc_arena_counters(const talc_arena* arena, struct talc_counters* counters) {
  const talc::Counters now = arena->engine.get_counters();
  const struct talc_counters known = {
      .size = counters->size,
      .live_allocations = now.live_allocations,
      .total_allocations = now.total_allocations,
      .live_bytes = now.live_bytes,
      .total_bytes = now.total_bytes,
      .available_bytes = now.available_bytes,
      .gap_count = now.gap_count,
      .heap_count = now.heap_count,
      .claimed_bytes = now.claimed_bytes,
      .overhead_bytes = now.overhead_bytes(),
      .freed_allocations = now.freed_allocations(),
      .freed_bytes = now.freed_bytes(),
  };
  talc::fill_known(counters, known);
}

}  // extern "C"
