// A heap in a static array: no operating system is asked, and nothing has to be set up before main.
//
// The engine is a constant. Its handler, ClaimOnOom, makes a heap of the array when the first block is
// asked for. There is no more after that: a request that does not fit is null.
//
//     g++ -std=c++20 -Ilib docs/examples/static_arena.cpp -o static_arena && ./static_arena
//
// It prints what is in static_arena.txt; the tests compare.
#include <stdio.h>
#include <string.h>

#include "talc/freestanding.hpp"

namespace {

alignas(size_t) char memory[16 << 10];

// Counters are kept where the configuration says so: they cost some additions each time.
using Heap = talc::Talc<talc::ClaimOnOom, talc::Config{.counters = true}>;
constinit Heap heap{talc::ClaimOnOom{talc::Span::from_array(memory)}};

}  // namespace

int main() {
  // A size and an alignment, in bytes. Nothing throws: without room it is null.
  char* const text = static_cast<char*>(heap.malloc(5, 1));
  if (text == nullptr) {
    return 1;
  }
  strcpy(text, "talc");

  // Blocks have no header: whoever resizes or frees one says how large it is.
  char* const longer = static_cast<char*>(heap.realloc(text, 5, 20, 1));
  if (longer == nullptr) {
    return 1;  // then `text` is as it was
  }
  strcat(longer, " in an array");
  puts(longer);

  // An alignment is any power of two.
  void* const page = heap.malloc(100, 4096);
  printf("aligned to 4096: %s\n", page != nullptr && talc::is_aligned(page, 4096) ? "yes" : "no");

  // More than the array has: null, and the heap goes on as before.
  printf("16 KiB of 16 KiB: %s\n", heap.malloc(sizeof memory, 1) == nullptr ? "null" : "a block");

  heap.free(page, 100);
  heap.free(longer, 20);
  printf("blocks left: %zu\n", heap.get_counters().live_allocations);

  // For tests and debugging: a walk over the whole heap, which names what is wrong with it.
  printf("find_fault: %s\n", heap.find_fault() == nullptr ? "none" : heap.find_fault());
  return 0;
}
