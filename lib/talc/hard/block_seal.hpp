// BlockSeal: two words at the end of a hardened block, by which it is known whether it is live and
// whether anybody wrote beyond its end.
//
//   what the process heap gave   | the block: `size` bytes … | padding … | size | canary |
//                                |<------ usable_size of the process heap ------------->|
//
// The canary is a hash of the block's address, its size, its state and a secret; the padding repeats
// one of its bytes. Whoever writes past the end changes the padding or, if there is none, the size: he
// does not know what to write. Of two threads that release one block, one loses the exchange of the
// canary. (Canaries at the end of blocks: Robertson et al., LISA 2003; and hardened_malloc, whose
// canaries are 56 bits of a slab's secret.) Used by HardenedHeap.
#pragma once

#include "talc/base/memory.hpp"
#include "talc/os/pages.hpp"

namespace talc {

class BlockSeal {
 public:
  static constexpr size_t kBytes = 2 * kWordSize;

  enum class State { none, live, freed };

  // The seal of the block at `ptr`, for which the process heap says `usable`.
  BlockSeal(void* ptr, size_t usable) : begin_(static_cast<char*>(ptr)), usable_(usable) {}

  // Seals a block of `size` bytes. Requires: size + kBytes ≤ usable.
  void write(size_t size) {
    const size_t canary = canary_of(size, State::live);
    __builtin_memset(begin_ + size, padding_of(canary), usable_ - kBytes - size);
    store_word(size_word(), size ^ mask());
    __atomic_store_n(canary_word(), canary, __ATOMIC_RELEASE);
  }

  // Whose it is, by the words alone. The size tells what it was sealed with.
  State read(size_t& size) const {
    size = load_word(size_word()) ^ mask();
    const size_t canary = __atomic_load_n(canary_word(), __ATOMIC_ACQUIRE);
    if (size > usable_ - kBytes) {
      return State::none;
    }
    return canary == canary_of(size, State::live)    ? State::live
           : canary == canary_of(size, State::freed) ? State::freed
                                                     : State::none;
  }

  // Live becomes freed; false if another thread did that first.
  bool try_free(size_t size) {
    size_t live = canary_of(size, State::live);
    return __atomic_compare_exchange_n(canary_word(), &live, canary_of(size, State::freed), false,
                                       __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
  }

  // Whether nobody wrote between the end of the block and its seal.
  bool is_padding_intact(size_t size) const {
    const char padding = padding_of(canary_of(size, State::live));
    for (const char* at = begin_ + size; at != begin_ + usable_ - kBytes; ++at) {
      if (*at != padding) {
        return false;
      }
    }
    return true;
  }

  // The block and its padding: what is cleared when it is freed.
  Span contents() const { return Span(begin_, begin_ + usable_ - kBytes); }

  // The block is to be sealed elsewhere: its seal and padding are none.
  void erase(size_t size) { zero_bytes(begin_ + size, usable_ - size); }

 private:
  AliasWord* canary_word() const {
    return reinterpret_cast<AliasWord*>(begin_ + usable_ - kWordSize);
  }
  char* size_word() const { return begin_ + usable_ - kBytes; }

  size_t mask() const {
    return (address_of(begin_) ^ Pages::secret()) * static_cast<size_t>(0xBF58476D1CE4E5B9U);
  }
  size_t canary_of(size_t size, State state) const {
    size_t hash = (mask() ^ size) * static_cast<size_t>(0x94D049BB133111EBU);
    hash ^= hash >> kWordBits / 2;
    return state == State::live ? hash : ~hash;
  }
  static char padding_of(size_t canary) { return static_cast<char>(canary >> 8); }

  char* begin_;
  size_t usable_;
};

}  // namespace talc
