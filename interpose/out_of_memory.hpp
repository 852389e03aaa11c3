// What happens between a refused request and its null: the reserve is given up, the program's handler
// asked. talc/control.h has what a program may rely on.
//
// The process heap has tried everything of its own before, and holds no lock. calls.hpp asks for each
// request that was refused; control.cpp sets what is here.
#pragma once

#include "interpose/process.hpp"
#include "talc/control.h"
#include "talc/os/handler_slot.hpp"

namespace talc {

inline constinit HandlerSlot<talc_oom_handler> oom_handler;

// Whether a refused request of `size` bytes should be made again. Ensures: errno is as it was.
// Locks: none, nor is any held while the handler works.
[[gnu::cold]] bool relieve(size_t size);

// Gives back what nobody uses, and has the reserve again if it was given up. Returns whether anything
// was given back.
inline bool purge(size_t pad_bytes) {
  const bool has_trimmed = process_heap().trim(pad_bytes);
  process_heap().refill_reserve();
  return has_trimmed;
}

// What `request` returns, made again for as long as relieve says so.
template <class Request>
inline void* serve(size_t size, Request request) {
  void* block = request();
  while (block == nullptr && relieve(size)) [[unlikely]] {
      block = request();
    }
  return block;
}

}  // namespace talc
