// EngineModel: an engine, the blocks that it must have, and every operation on both. Each answer is
// checked; check() accounts for every byte of every heap.
#pragma once

#include "block_table.hpp"
#include "heap_regions.hpp"
#include "input.hpp"
#include "talc/core/talc.hpp"

namespace fuzz {

// What an engine and its handler share: the input, the memory, and what is to be expected.
struct World {
  Input input{nullptr, 0};
  HeapRegions regions;
  BlockTable blocks;
  talc::Counters expected;  // of blocks; heaps are the regions' matter
  unsigned patience = 0;    // how often the handler may still say "try again" in this operation

  void begin(Input new_input) {
    input = new_input;
    regions.begin(input);
    blocks.clear();
    expected = {};
  }

  void count_malloc(size_t size) {
    expected.live_allocations += 1;
    expected.total_allocations += 1;
    expected.live_bytes += size;
    expected.total_bytes += size;
  }
  void count_free(size_t size) {
    expected.live_allocations -= 1;
    expected.live_bytes -= size;
  }
  void count_resize(size_t from, size_t to) {
    expected.live_bytes += to - from;
    expected.total_bytes += to > from ? to - from : 0;
  }
};

// What blocks and gaps have in common of requests.
struct Request {
  size_t size = 0;
  size_t align = 1;
  size_t offset = 0;

  bool fits(Span gap) const {
    const size_t chunk = talc::chunk_size_for(size);
    const size_t step = align < talc::kWordSize ? talc::kWordSize : align;
    const size_t skip = (0 - (talc::address_of(gap.base) + offset)) & (step - 1);
    return chunk <= gap.size() && skip <= gap.size() - chunk;
  }
};

template <class Engine>
class EngineModel {
 public:
  EngineModel(Engine& engine, World& world) : engine_(engine), world_(world) {}

  void malloc(Request request) {
    if (world_.blocks.is_full()) {
      return;
    }
    void* const ptr = request.offset == 0
                          ? engine_.malloc(request.size, request.align)
                          : engine_.malloc_aligned_at(request.size, request.align, request.offset);
    if (ptr == nullptr) {
      require(!fits_anywhere(request), "malloc fails although a gap fits");
      return;
    }
    world_.count_malloc(request.size);
    world_.blocks.add({static_cast<char*>(ptr), request.size, request.align, request.offset,
                       world_.blocks.next_mark()},
                      0);
  }

  void free(size_t index) {
    const Block block = world_.blocks.take(index);
    engine_.free(block.base, block.bytes);
    world_.count_free(block.bytes);
  }

  void grow_in_place(size_t index, size_t by) {
    Block block = world_.blocks.take(index);
    const size_t old_size = block.bytes;
    if (engine_.grow_in_place(block.base, old_size, old_size + by)) {
      block.bytes = old_size + by;
      world_.count_resize(old_size, block.bytes);
    }
    world_.blocks.add(block, old_size);
  }

  void grow(size_t index, size_t by) {
    const Block block = world_.blocks.take(index);
    const size_t size = block.bytes + by;
    finish_move(block, engine_.grow(block.base, block.bytes, size, plain_align(block)), size);
  }

  void shrink(size_t index, size_t size) {
    Block block = world_.blocks.take(index);
    engine_.shrink(block.base, block.bytes, size);
    world_.count_resize(block.bytes, size);
    block.bytes = size;
    world_.blocks.add(block, size);
  }

  void realloc(size_t index, size_t size) {
    const Block block = world_.blocks.take(index);
    void* const ptr = engine_.realloc(block.base, block.bytes, size, plain_align(block));
    require(ptr != nullptr || size > block.bytes, "shrinking failed");
    finish_move(block, ptr, size);
  }

  // More than any heap has.
  void malloc_too_much(size_t size, size_t align) {
    require(engine_.malloc(size, align) == nullptr, "there is no such memory");
  }

  // Merges what waits, so that the extent is the model's.
  void check_allocated_span(Span heap) {
    const Span said = engine_.get_allocated_span(heap);
    Span found;
    engine_.for_each_chunk(heap, [&](Span chunk, bool allocated) {
      found = allocated ? found.fit_over(chunk) : found;
    });
    require(said == found, "the allocated span is another one");
  }

  void check() {
    const char* const fault = engine_.find_fault();
    require(fault == nullptr, fault);
    check_counters();
    check_bytes();
  }

 private:
  // What a walk has seen besides blocks.
  struct Census {
    size_t heaps = 0;
    size_t blocks = 0;
    size_t gaps = 0;
    size_t gap_bytes = 0;
    size_t others = 0;  // allocated chunks without a block: the table, and what waits
    size_t other_bytes = 0;
  };

  // Where a block with an offset goes when it moves is not defined; so is its alignment then.
  static size_t plain_align(const Block& block) { return block.offset == 0 ? block.align : 1; }

  bool fits_anywhere(Request request) const {
    bool fits = false;
    engine_.for_each_heap([&](Span heap) {
      engine_.for_each_chunk(
          heap, [&](Span chunk, bool allocated) { fits |= !allocated && request.fits(chunk); });
    });
    return fits;
  }

  void finish_move(Block block, void* ptr, size_t size) {
    const size_t old_size = block.bytes;
    if (ptr == nullptr) {
      require(!fits_anywhere({size, plain_align(block)}), "grow fails although a gap fits");
      require(!engine_.grow_in_place(block.base, old_size, size),
              "grow fails although the block can grow where it is");
      world_.blocks.add(block, old_size);
      return;
    }
    if (ptr == block.base) {
      world_.count_resize(old_size, size);
    } else {
      world_.count_malloc(size);
      world_.count_free(old_size);
      block.align = plain_align(block);
      block.offset = 0;
    }
    block.base = static_cast<char*>(ptr);
    block.bytes = size;
    world_.blocks.add(block, old_size < size ? old_size : size);
  }

  void check_counters() const {
    const talc::Counters& heaps = world_.regions.expected();
    talc::Counters expected = world_.expected;
    expected.heap_count = heaps.heap_count;
    expected.total_heaps = heaps.total_heaps;
    expected.claimed_bytes = heaps.claimed_bytes;
    expected.total_claimed_bytes = heaps.total_claimed_bytes;
    const talc::Counters said = engine_.get_counters();
    expected.available_bytes = said.available_bytes;  // see check_bytes
    expected.gap_count = said.gap_count;
    require(said == expected, "the counters are wrong");
  }

  // Every heap is a header and chunks without holes, and each chunk is a gap, a block's, the table or
  // waits: as many as the counters say, as large as they say.
  void check_bytes() const {
    Census census;
    engine_.for_each_heap([&](Span heap) { walk(heap, census); });
    const talc::Counters said = engine_.get_counters();
    require(census.heaps == said.heap_count, "a heap is missing");
    require(census.blocks == world_.blocks.count(), "a block lies in no chunk");
    const size_t tables = said.total_heaps == 0 ? 0 : 1;
    require(census.gaps + census.others == said.gap_count + tables,
            "a chunk belongs to nobody, or the table is gone");
    const size_t free_or_table = census.gap_bytes + census.other_bytes;
    require(free_or_table >= said.available_bytes, "the counters see more gaps than there are");
    const size_t table_bytes = free_or_table - said.available_bytes;
    require(table_bytes >= tables * 4 * talc::kWordSize && table_bytes <= kMaxTable,
            "the gaps' bytes are not what the counters say");
  }

  void walk(Span heap, Census& census) const {
    require(world_.regions.is_heap(heap), "an engine has a heap that is none");
    census.heaps += 1;
    char* acme = heap.acme;
    engine_.for_each_chunk(heap, [&](Span chunk, bool allocated) {
      require(chunk.acme == acme && chunk.is_sized(), "the chunks have a hole");
      acme = chunk.base;
      if (allocated) {
        count_allocated(chunk, census);
      } else {
        census.gaps += 1;
        census.gap_bytes += chunk.size();
      }
    });
    require(acme == heap.base + kHeader, "the chunks do not begin at the header");
  }

  void count_allocated(Span chunk, Census& census) const {
    const BlockTable& blocks = world_.blocks;
    const size_t index = blocks.first_from(chunk.base);
    if (index == blocks.count() || blocks[index].base >= chunk.acme) {
      census.others += 1;
      census.other_bytes += chunk.size();
      return;
    }
    const Block& block = blocks[index];
    census.blocks += 1;
    require(block.acme() <= chunk.acme - talc::kTagSize, "a block is larger than its chunk");
    require(index + 1 == blocks.count() || blocks[index + 1].base >= chunk.acme,
            "two blocks share a chunk");
    const size_t below = static_cast<size_t>(block.base - chunk.base);
    const size_t above =
        static_cast<size_t>(chunk.acme - block.base) - talc::chunk_size_for(block.bytes);
    require(below < talc::kMinChunkSize && above < talc::kMinChunkSize,
            "a chunk wastes what could be a gap");
  }

  static constexpr size_t kHeader = 3 * talc::kWordSize;
  // The bins' table is at most 1/32 of all regions.
  static constexpr size_t kMaxTable = size_t{1} << 18;

  Engine& engine_;
  World& world_;
};

}  // namespace fuzz
