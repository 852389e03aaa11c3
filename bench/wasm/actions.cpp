// Random actions for whatever malloc it is linked to, in a WebAssembly module: the workload by which
// allocators for WebAssembly are compared (docs/WEBASSEMBLY.md).
//
// Sizes from 1 to 10,000 bytes, 50 blocks live at least. Calls, not LTO: the allocator stands on its own.
#include <stddef.h>
#include <stdint.h>

extern "C" {
void* malloc(size_t size);
void free(void* ptr);
void* realloc(void* ptr, size_t size);
}

namespace {

constexpr uint32_t kLeastLive = 50;
constexpr uint32_t kMostBytes = 10000;
constexpr uint32_t kMostActions = 200000;

void* live[kMostActions];

// xorshift64 (Marsaglia, 2003), of which the upper half is used.
uint64_t state = 88172645463325252U;

uint32_t below(uint32_t bound) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return static_cast<uint32_t>(((state >> 32) * bound) >> 32);
}

}  // namespace

// Makes `actions` of them: allocations and frees, and reallocations, too, where `kinds` is 3 and not 2.
// Everything is freed at the end. Returns 0 if memory ran out.
extern "C" [[gnu::visibility("default")]] uint32_t act(uint32_t actions, uint32_t kinds) {
  uint32_t count = 0;
  for (uint32_t done = 0; done < actions; ++done) {
    const uint32_t kind = count < kLeastLive ? 0 : below(kinds);
    const uint32_t index = kind == 0 ? count : below(count);
    if (kind == 1) {
      free(live[index]);
      count -= 1;
      live[index] = live[count];
      continue;
    }
    const uint32_t size = 1 + below(kMostBytes);
    void* const ptr = kind == 0 ? malloc(size) : realloc(live[index], size);
    if (ptr == nullptr) {
      return 0;
    }
    *static_cast<char*>(ptr) = 1;
    live[index] = ptr;
    count += kind == 0 ? 1 : 0;
  }
  while (count != 0) {
    count -= 1;
    free(live[count]);
  }
  return actions;
}
