// Fuzzes malloc and its relatives, as a program is linked with them: an input is a row of operations,
// each with the thread that does it, and threads begin and end among them. Blocks are freed by whoever
// is told to, so they go from thread to thread. malloc_model.hpp says what must hold after each.
//
// AddressSanitizer has a malloc of its own, so that it can't watch this one; the pattern in each block,
// talc's assertions and UndefinedBehaviorSanitizer do.
#include "input.hpp"
#include "malloc_model.hpp"
#include "workers.hpp"

namespace fuzz {
// A thread of the library's would have a block of its own among those that are counted.
extern "C" const char* talc_conf;
const char* talc_conf = "background_thread:off";

namespace {

Input input(nullptr, 0);
MallocModel model;
Workers workers;

constexpr unsigned kMostBits = 24;
constexpr size_t kMaxMany = size_t{1} << 20;  // for a single step

// Where another part of the allocator begins to serve: the last small, middle and kept sizes, and a slab.
constexpr size_t kEdges[] = {size_t{8} << 10, size_t{64} << 10, size_t{1} << 20,
                             talc::BlockPrefix::kMaxUsable, size_t{16} << 20};

// Mostly a small one, sometimes just below or above an edge.
size_t some_size() {
  const size_t shape = input.byte();
  if (shape >= 224) {
    return kEdges[shape % 5] - 32 + input.below(64);
  }
  return input.magnitude(shape < 160 ? 14 : kMostBits);
}

size_t some_align() {
  const size_t shape = input.byte();
  return size_t{1} << (shape < 192 ? shape % 8 : shape % 23);
}

void allocate_aligned(size_t kind) {
  const size_t align = some_align();
  const size_t size = some_size();
  if (!model.has_room(size)) {
    return;
  }
  switch (kind) {
    case 0:
      return model.posix_memalign(align < sizeof(void*) ? sizeof(void*) : align, size);
    case 1:
      return model.aligned_alloc(align, size);
    case 2:
      return model.memalign(align, size);
    case 3:
      return model.valloc(size);
    default:
      return model.pvalloc(size);
  }
}

void allocate_zeroed() {
  const size_t count = 1 + input.below(8);
  const size_t size = some_size();
  if (model.has_room(count * size)) {
    model.calloc(count, size);
  }
}

// Enough of one size that magazines, slabs and groups are filled and emptied.
void allocate_many() {
  const size_t size = some_size();
  size_t left = 4 * input.byte();
  if (size != 0 && left > kMaxMany / size) {
    left = kMaxMany / size;
  }
  for (; left != 0 && model.has_room(size); --left) {
    model.malloc(size);
  }
}

// Every `step`th of a run of blocks.
void free_many() {
  size_t index = input.below(BlockTable::kCapacity);
  const size_t step = input.below(4);
  for (size_t left = 4 * input.byte(); left != 0 && index < model.count(); --left) {
    model.free(index);
    index += step;
  }
}

void reallocate(size_t index, bool as_array) {
  const size_t count = as_array ? 1 + input.below(8) : 1;
  const size_t size = 1 + some_size();
  if (!model.has_room(count * size)) {
    return;
  }
  if (as_array) {
    model.reallocarray(index, count, size);
  } else {
    model.realloc(index, size);
  }
}

// Sizes at which sums could overflow, and what is no alignment.
void ask_too_much() {
  constexpr size_t kMost = ~size_t{0};
  // With words of 32 bits, up to half of the addresses may be had.
  const auto part = [](size_t n) { return sizeof n == 8 ? kMost / n : kMost - kMost / (2 * n); };
  const size_t nearly[] = {kMost, part(2), part(4), part(16)};
  const size_t size = nearly[input.below(4)] - input.byte();
  model.malloc_too_much(size);
  model.misalign(input.magnitude(32), size);
  if (model.count() != 0) {
    model.realloc_too_much(input.below(model.count()), size);
  }
}

void act_on_block(size_t action) {
  if (model.count() == 0) {
    return;
  }
  const size_t index = input.below(model.count());
  switch (action) {
    case 0:
    case 1:
      return reallocate(index, false);
    case 2:
      return reallocate(index, true);
    case 3:
      return model.check_usable(index);
    case 4:
      return model.realloc_to_nothing(index);
    default:
      return model.free(index);
  }
}

// The operation that the next byte stands for, in the thread that calls.
void act() {
  const size_t action = input.byte() % 32;
  if (action < 4) {
    const size_t size = some_size();
    return model.has_room(size) ? model.malloc(size) : void();
  }
  if (action < 9) {
    return allocate_aligned(action - 4);
  }
  if (action < 11) {
    return allocate_zeroed();
  }
  if (action < 20) {
    return act_on_block(action - 11);
  }
  if (action < 25) {
    return allocate_many();
  }
  if (action < 29) {
    return free_many();
  }
  if (action == 29) {
    ::malloc_trim(input.magnitude(20));
    return;
  }
  return action == 30 ? ask_too_much() : ::free(nullptr);
}

// A thread that is not there yet begins, and one that has done much ends.
void step() {
  const size_t who = input.byte();
  const unsigned worker = who % 4;
  if (worker == Workers::kCount) {
    act();
  } else if (!workers.is_there(worker)) {
    workers.begin(worker);
  } else if (who >= 224) {
    workers.end(worker);
  } else {
    workers.run(worker, &act);
  }
}

void finish() {
  for (unsigned i = 0; i < Workers::kCount; ++i) {
    if (workers.is_there(i)) {
      workers.end(i);
    }
  }
  model.check();
  while (model.count() != 0) {
    model.free(model.count() / 2);
  }
  model.check_nothing_is_left();
}

}  // namespace
}  // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace fuzz;
  talc::assertion_hook = talc::print_assertion;
  [[maybe_unused]] static const bool is_warm = workers.warm_up();
  input = Input(bytes, size);
  model.begin();
  while (!input.is_empty()) {
    step();
    model.check();
  }
  finish();
  return 0;
}
