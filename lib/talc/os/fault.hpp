// Faults: misuse of the allocator by the program, found before it did damage. One line, then abort.
//
//     talc: double free: 0x7f1200345678
//
// The names are an interface: tests, fuzzers and people grep for them. Nothing here allocates,
// locks or trusts stdio, since the heap may be what is broken. Whoever wants to know before the
// process ends (talc_set_abort_handler) is told the line. Our own bugs are assertions
// (base/assert.hpp), running out of memory is neither. Raised by the process heap and what it is
// made of.
#pragma once

#include <pthread.h>
#include <stdlib.h>

#include "talc/base/text.hpp"
#include "talc/os/handler_slot.hpp"
#include "talc/os/system_call.hpp"

namespace talc {

// Told of the line with which the process ends, without its newline.
using AbortHandler = void(const char* line, void* arg);
inline constinit HandlerSlot<AbortHandler> abort_handler;

enum class Fault {
  double_free,         // released, and released already
  use_after_free,      // resized or measured after it was released
  invalid_pointer,     // not the start of a block of ours
  misaligned_pointer,  // within our memory, but no block begins at such an address
  corrupt_block,  // a block whose size, kept below its first byte, or what follows it is overwritten
  corrupt_free_memory,  // written to although no block is there
  write_after_free,     // written to while it waited in quarantine
  wrong_size,           // deleted with another size than it was allocated with
};

constexpr const char* fault_name(Fault fault) {
  switch (fault) {
    case Fault::double_free:
      return "double free";
    case Fault::use_after_free:
      return "use after free";
    case Fault::invalid_pointer:
      return "invalid pointer";
    case Fault::misaligned_pointer:
      return "misaligned pointer";
    case Fault::corrupt_block:
      return "corrupt block";
    case Fault::corrupt_free_memory:
      return "corrupt free memory";
    case Fault::write_after_free:
      return "write after free";
    case Fault::wrong_size:
      return "wrong size";
  }
  return "fault";
}

namespace fault_detail {

// The one thread that ends the process; 0: nobody does yet. Another one that has a reason as well
// waits for it, a second; the same one, in the program's handler, does not ask that again.
inline constinit std::atomic<pthread_t> ending{0};
inline constexpr unsigned kPatienceMs = 1000;

inline bool may_tell() {
  pthread_t nobody = 0;
  if (ending.compare_exchange_strong(nobody, pthread_self(), std::memory_order_relaxed)) {
    return true;
  }
  for (unsigned ms = 0; nobody != pthread_self() && ms < kPatienceMs; ++ms) {
    pause_1_ms();
  }
  return false;
}

}  // namespace fault_detail

// Writes the line to standard error, tells it to whoever wants to know, and aborts. Requires: `line`
// ends with a newline, and has room for one character more.
[[noreturn, gnu::cold]] inline void end_process(char* line, size_t size_bytes) {
  sys::write(STDERR_FILENO, line, size_bytes);
  if (fault_detail::may_tell()) {
    const auto handler = abort_handler.get();
    line[size_bytes - 1] = '\0';
    if (handler.function != nullptr) {
      handler.function(line, handler.arg);
    }
  }
  ::abort();
}

[[noreturn, gnu::cold, gnu::noinline]] inline void raise_fault(Fault fault, const void* ptr) {
  char line[64];
  TextWriter out(line);
  out.text("talc: ").text(fault_name(fault)).text(": ").pointer(ptr).character('\n');
  end_process(line, out.size());
}

}  // namespace talc
