// The floor of the microbenchmarks: an allocator that has one block and always returns it.
//
// Its functions are reached through pointers in memory, as malloc is reached through the process's table
// of imported symbols. What a benchmark takes over this is loop and call, no allocator.
#pragma once

#include <stddef.h>

namespace bench {

struct FixedBlock {
  void* (*allocate)(size_t size);
  void (*release)(void* ptr);
};

// Defined in another file, and not constant, so that the compiler must load the pointers at each call.
extern FixedBlock fixed_block;

}  // namespace bench
