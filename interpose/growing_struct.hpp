// fill_known(): for structures of the C API that later versions add members to. The caller says in `size`
// which version he was compiled with.
#pragma once

#include <stddef.h>

#include "talc/base/memory.hpp"

namespace talc {

// Copies as much of `known` as `out` has room for by its `size`; what `out` has beyond, which this version
// does not know, becomes 0. Requires: known.size is out->size.
template <class Struct>
void fill_known(Struct* out, const Struct& known) {
  const size_t filled = known.size < sizeof known ? known.size : sizeof known;
  copy_bytes(out, &known, filled);
  zero_bytes(reinterpret_cast<char*>(out) + filled, known.size - filled);
}

}  // namespace talc
