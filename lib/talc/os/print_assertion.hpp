// print_assertion: the assertion hook of hosted programs, one line on stderr and abort.
//
//     talc::assertion_hook = talc::print_assertion;
//
// It writes by write(2) from the stack: an allocator's failed assertion can neither allocate nor
// trust stdio. Nobody installs it unasked; without TALC_DEBUG nobody calls it.
#pragma once

#include <stdlib.h>

#include "talc/base/assert.hpp"
#include "talc/base/text.hpp"
#include "talc/os/system_call.hpp"

namespace talc {

namespace print_assertion_detail {

inline void write_to_stderr(void* /*context*/, const char* text, size_t size_bytes) {
  sys::write(STDERR_FILENO, text, size_bytes);
}

}  // namespace print_assertion_detail

// An AssertionHook: writes "talc: assertion failed: " and `what` to standard error, and aborts.
[[noreturn]] inline void print_assertion(const char* what) {
  char buffer[256];
  TextWriter out(buffer, TextSink{print_assertion_detail::write_to_stderr, nullptr});
  out.text("talc: assertion failed: ").text(what).character('\n').flush();
  ::abort();
}

}  // namespace talc
