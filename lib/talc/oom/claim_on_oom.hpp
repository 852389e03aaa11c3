// ClaimOnOom: claims one given piece of memory the first time memory runs out, then fails.
//
// It lets a Talc be a constant: initialised at compile time, it owns nothing until the first
// allocation, so it serves before any constructor has run and needs no set-up call.
//
//     alignas(size_t) char memory[10000];
//     constinit talc::Talc<talc::ClaimOnOom> heap{talc::ClaimOnOom{talc::Span::from_array(memory)}};
//
// The array is of char because constant evaluation cannot see any other type as bytes.
#pragma once

#include "talc/oom/oom_handler.hpp"

namespace talc {

class ClaimOnOom {
 public:
  // Requires: from the first allocation on, `memory` belongs to the Talc that holds this handler.
  constexpr explicit ClaimOnOom(Span memory) : memory_(memory) {}

  // What is still to be claimed: empty once it has been.
  constexpr Span unclaimed() const { return memory_; }

  // Ensures: true if the memory became a heap now; from then on, or if it is too small, false.
  template <class TalcType>
  constexpr bool handle_oom(TalcType& talc, size_t, size_t) {
    if (memory_.is_empty() || talc.claim(memory_).is_empty()) {
      return false;
    }
    memory_ = {};
    return true;
  }

 private:
  Span memory_;
};

}  // namespace talc
