// require: what must hold of an answer. Allocates nothing: the allocator may be what is broken.
#pragma once

#include "talc/os/print_assertion.hpp"

namespace fuzz {

// Says what is wrong and aborts, which is what a fuzzer looks for.
inline void require(bool holds, const char* what) {
  if (!holds) [[unlikely]] {
    talc::print_assertion(what);
  }
}

}  // namespace fuzz
