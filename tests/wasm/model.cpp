// What the WebAssembly tests run inside a module: every function of interpose/wasm/ against a model of it.
//
// Blocks hold bytes that tell whose they are, so two that overlap, or one that loses its contents, are
// found. Nothing here needs a C library: checks.mjs calls the exports and reads what they return, 0 for
// "all is well" or the number of the line that found otherwise.
#include <stddef.h>
#include <stdint.h>

extern "C" {
void* malloc(size_t size);
void free(void* ptr);
void* calloc(size_t count, size_t size);
void* realloc(void* ptr, size_t size);
void* aligned_alloc(size_t align, size_t size);
int posix_memalign(void** result, size_t align, size_t size);
size_t malloc_usable_size(void* ptr);

// Called now and then: whoever is outside may have the memory grow.
[[clang::import_module("env"), clang::import_name("disturb")]] void disturb();
}

namespace std {
enum class align_val_t : size_t {};
struct nothrow_t {
} constexpr nothrow;
}  // namespace std

void* operator new(size_t size, const std::nothrow_t&) noexcept;
void* operator new(size_t size, std::align_val_t align, const std::nothrow_t&) noexcept;

namespace {

constexpr size_t kMostBlocks = 1000;
constexpr size_t kLeastAlign = 16;

// How a block is to be freed.
enum class Kind { kC, kNew, kAlignedNew };

struct Block {
  unsigned char* ptr;
  size_t size;
  size_t align;
  Kind kind;
  unsigned char fill;

  void write() const {
    for (size_t i = 0; i < size; ++i) {
      ptr[i] = static_cast<unsigned char>(fill + i);
    }
  }
  bool holds(size_t bytes) const {
    for (size_t i = 0; i < bytes; ++i) {
      if (ptr[i] != static_cast<unsigned char>(fill + i)) {
        return false;
      }
    }
    return true;
  }
};

Block blocks[kMostBlocks];
size_t count = 0;
uint32_t state = 0;

uint32_t draw(uint32_t bound) {
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return state % bound;
}

size_t draw_size() {
  const uint32_t log = draw(16);
  return draw(uint32_t{1} << log);
}

#define CHECK(condition) \
  if (!(condition)) return __LINE__

int check_new_block(const Block& block) {
  CHECK(reinterpret_cast<size_t>(block.ptr) % block.align == 0);
  CHECK(malloc_usable_size(block.ptr) >= block.size);
  block.write();
  return 0;
}

int add_one() {
  Block block{nullptr, draw_size(), kLeastAlign, Kind::kC, static_cast<unsigned char>(draw(256))};
  const size_t align = size_t{1} << (2 + draw(11));
  void* ptr = nullptr;
  switch (draw(6)) {
    case 0:
      ptr = calloc(block.size / 4, 4);
      block.size &= ~size_t{3};
      for (size_t i = 0; ptr != nullptr && i < block.size; ++i) {
        CHECK(static_cast<char*>(ptr)[i] == 0);
      }
      break;
    case 1:
      ptr = aligned_alloc(align, block.size);
      block.align = align;
      break;
    case 2:
      CHECK(posix_memalign(&ptr, align, block.size) == 0 || ptr == nullptr);
      block.align = align;
      break;
    case 3:
      ptr = ::operator new(block.size, std::nothrow);
      block.kind = Kind::kNew;
      break;
    case 4:
      ptr = ::operator new (block.size, std::align_val_t{align}, std::nothrow);
      block.align = align;
      block.kind = Kind::kAlignedNew;
      break;
    default:
      ptr = malloc(block.size);
  }
  if (ptr != nullptr) {
    block.ptr = static_cast<unsigned char*>(ptr);
    blocks[count] = block;
    count += 1;
    return check_new_block(block);
  }
  return 0;
}

void release(const Block& block) {
  switch (block.kind) {
    case Kind::kNew:
      return ::operator delete(block.ptr, block.size);
    case Kind::kAlignedNew:
      return ::operator delete (block.ptr, std::align_val_t{block.align});
    default:
      return free(block.ptr);
  }
}

int remove_one() {
  const size_t index = draw(static_cast<uint32_t>(count));
  const Block block = blocks[index];
  CHECK(block.holds(block.size));
  count -= 1;
  blocks[index] = blocks[count];
  release(block);
  return 0;
}

int resize_one() {
  Block& block = blocks[draw(static_cast<uint32_t>(count))];
  if (block.kind != Kind::kC) {
    return 0;
  }
  CHECK(block.holds(block.size));
  const size_t size = draw_size();
  void* const ptr = realloc(block.ptr, size);
  if (ptr == nullptr) {
    CHECK(size > block.size && block.holds(block.size));
    return 0;
  }
  block.ptr = static_cast<unsigned char*>(ptr);
  CHECK(block.holds(size < block.size ? size : block.size));
  block.size = size;
  block.align = kLeastAlign;
  return check_new_block(block);
}

}  // namespace

#define TALC_TEST [[gnu::visibility("default"), gnu::used]]

extern "C" {

// Plays `steps` random operations, then frees everything.
TALC_TEST int play(uint32_t seed, uint32_t steps) {
  state = seed * 2654435761U + 1;
  int fault = 0;
  for (uint32_t step = 0; step < steps && fault == 0; ++step) {
    if (step % 64 == 0) {
      disturb();
    }
    const uint32_t what = draw(8);
    if (count == 0 || (what < 4 && count < kMostBlocks)) {
      fault = add_one();
    } else {
      fault = what < 6 ? remove_one() : resize_one();
    }
  }
  while (count != 0 && fault == 0) {
    fault = remove_one();
  }
  return fault;
}

// Null, or 0, and nothing changed, for sizes that no memory holds.
TALC_TEST int refuse_too_much() {
  const Block block{static_cast<unsigned char*>(malloc(100)), 100, kLeastAlign, Kind::kC, 7};
  CHECK(block.ptr != nullptr);
  block.write();
  constexpr size_t kSizes[] = {~size_t{0},      ~size_t{0} - 15,        ~size_t{0} - 32,
                               size_t{1} << 31, (size_t{1} << 31) - 16, (size_t{1} << 31) + 1};
  for (const size_t size : kSizes) {
    void* result = nullptr;
    CHECK(malloc(size) == nullptr);
    CHECK(calloc(1, size) == nullptr && calloc(size, 1) == nullptr);
    CHECK(realloc(block.ptr, size) == nullptr);
    CHECK(aligned_alloc(16, size) == nullptr && aligned_alloc(4096, size) == nullptr);
    CHECK(posix_memalign(&result, 64, size) != 0 && result == nullptr);
    CHECK(::operator new(size, std::nothrow) == nullptr);
    CHECK(block.holds(100));
  }
  CHECK(calloc(65536, 65536) == nullptr && calloc(65537, 65537) == nullptr);
  CHECK(aligned_alloc(48, 100) == nullptr && aligned_alloc(0, 100) == nullptr);
  void* result = nullptr;
  CHECK(posix_memalign(&result, 2, 100) != 0 && posix_memalign(&result, 24, 100) != 0);
  free(block.ptr);
  free(nullptr);
  CHECK(malloc_usable_size(nullptr) == 0);
  return 0;
}

// Allocates blocks of `size` bytes until there is no memory, `most` at most, and keeps them.
TALC_TEST uint32_t fill_up(size_t size, uint32_t most) {
  while (count < most && count < kMostBlocks) {
    void* const ptr = malloc(size);
    if (ptr == nullptr) {
      break;
    }
    blocks[count++] = {static_cast<unsigned char*>(ptr), size, kLeastAlign, Kind::kC, 0};
  }
  return static_cast<uint32_t>(count);
}

TALC_TEST void free_all() {
  while (count != 0) {
    release(blocks[--count]);
  }
}

// Traps if there is not enough.
TALC_TEST void* make_new(size_t size) { return ::operator new(size); }
}
