// Faults: misuse of the allocator by the program, found before it did damage. One line, then abort.
//
//     talc: double free: 0x7f1200345678
//
// The names are an interface: tests, fuzzers and people grep for them. Nothing here allocates,
// locks or trusts stdio, since the heap may be what is broken. Our own bugs are assertions
// (base/assert.hpp), running out of memory is neither. Raised by the process heap and what it is
// made of.
#pragma once

#include <stdlib.h>
#include <unistd.h>

#include "talc/base/text.hpp"

namespace talc {

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

[[noreturn, gnu::cold, gnu::noinline]] inline void raise_fault(Fault fault, const void* ptr) {
  char line[64];
  TextWriter out(line);
  out.text("talc: ").text(fault_name(fault)).text(": ").pointer(ptr).character('\n');
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, out.data(), out.size());
  ::abort();
}

}  // namespace talc
