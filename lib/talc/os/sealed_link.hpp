// SealedLink: what leads from one piece of free memory to the next in a list, where the program may still
// write by mistake.
//
//   | next | seal |     seal: a hash of next, of a word of the owner's, of the link's address and of the secret
//
// Who writes there, be it a single byte of an address, does not know which seal belongs to it, and one that
// is copied from elsewhere does not fit: nobody is led to memory of his choice. Used by Arena for what waits
// to be taken back, and by CededGaps and HugeBlocks, whose word is how much memory there is.
#pragma once

#include "talc/os/fault.hpp"
#include "talc/os/pages.hpp"

namespace talc {

template <class Node>
class SealedLink {
 public:
  // Requires: the secret is known, or was learned (Pages::learn_secret).
  void set(Node* next, size_t word = 0) {
    next_ = next;
    seal_ = seal_of(next, word);
  }

  // Faults unless the link is as it was set, with the same word.
  Node* get(size_t word = 0) const {
    Node* const next = next_;
    if (seal_ != seal_of(next, word)) [[unlikely]] {
      raise_fault(Fault::corrupt_free_memory, this);
    }
    return next;
  }

 private:
  size_t seal_of(const Node* next, size_t word) const {
    const size_t key = address_of(this) ^ Pages::secret();
    return mix(mix(mix(key) ^ address_of(next)) ^ word);
  }
  static size_t mix(size_t value) {
    value *= static_cast<size_t>(0xBF58476D1CE4E5B9U);
    return value ^ value >> kWordBits / 2;
  }

  Node* next_;
  size_t seal_;
};

}  // namespace talc
