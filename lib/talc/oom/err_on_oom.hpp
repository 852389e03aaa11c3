// ErrOnOom: no memory means failure. The handler for arenas whose heaps the owner claims himself.
#pragma once

#include "talc/oom/oom_handler.hpp"

namespace talc {

struct ErrOnOom {
  // Ensures: false; nothing changed. Cost: none.
  template <class TalcType>
  constexpr bool handle_oom(TalcType&, size_t, size_t) {
    return false;
  }
};

}  // namespace talc
