// BlockPrefix: the word below a middle block, which knows the block's size when only its address is
// given.
//
//   engine's chunk   | (slack) | prefix | payload: `usable` bytes …            | tag |
//                                       ^ multiple of 16, what the program gets
//
//   the prefix       | check: 32 bits (10 of 32)   | usable: a multiple of 8 | state: 3 bits |
//
// The engine wants the size back at free; the prefix holds it. The check is a hash of the payload's
// address, of the size and of a secret, or its complement once the block is released. So a word that is taken
// for a prefix by mistake (the inside of a block, a gap's links) is known with near certainty, and so is one of
// which a part was overwritten; a block released twice is known by its state. Two words of overhead a
// block, this one and the engine's tag: sizes are rounded so that chunks are multiples of 16 and
// nothing else is lost here (MiddleBlocks asks for the sizes of HotBlocks' classes). Used by Arena, which
// alone reads and writes it. docs/decisions/0002 has the alternatives.
#pragma once

#include "talc/base/assert.hpp"
#include "talc/base/memory.hpp"
#include "talc/base/scatter.hpp"
#include "talc/os/pages.hpp"

namespace talc {

class BlockPrefix {
 public:
  static constexpr size_t kSize = kWordSize;
  static constexpr size_t kBlockAlign = 16;
  // What an arena serves at most. Larger blocks are huge.
  static constexpr size_t kMaxUsable = (size_t{4} << 20) - 2 * kWordSize;

  enum class State : unsigned {
    none = 0,      // no prefix of this payload
    live = 0b101,  // the program's
    freed = 0b011,
    waiting = 0b111,  // released, and to be freed by the arena's next visitor
  };

  // The bytes a block of `size` gets: what makes its chunk a multiple of 16.
  // Requires: size ≤ kMaxUsable.
  static constexpr size_t usable_for(size_t size) {
    const size_t chunk = align_up(size + 2 * kWordSize, kBlockAlign);
    return (chunk < kMinChunk ? kMinChunk : chunk) - 2 * kWordSize;
  }

  static void write(void* payload, size_t usable, State state) {
    TALC_ASSERT(usable <= kMaxUsable && (usable & kStateMask) == 0);
    store_word(word_of(payload), word_for(payload, usable, state));
  }

  // Replaces a state that is known. A prefix that was overwritten stays wrong.
  static void change(void* payload, State from, State to) {
    void* const word = word_of(payload);
    store_word(word, load_word(word) ^ mark_of(from) ^ mark_of(to));
  }

  // Requires: `payload` is a multiple of 16 within a heap; the word below it is readable.
  static BlockPrefix read(const void* payload) {
    const size_t word = load_word(static_cast<const char*>(payload) - kSize);
    const BlockPrefix prefix(word & ~kCheckMask);
    return word == word_for(payload, prefix.usable(), prefix.state()) ? prefix : BlockPrefix();
  }
  // The usable bytes of a live block, 0 if there is none: what read tells, with less work. Requires: the word
  // below `payload` is readable.
  static size_t live_size(const void* payload) {
    const size_t word = load_word(static_cast<const char*>(payload) - kSize);
    const size_t usable = (word & ~kCheckMask) ^ static_cast<size_t>(State::live);
    const size_t differs = (word ^ hash_of(payload, usable)) >> kSizeBits;
    return (differs | (usable & kStateMask)) == 0 ? usable : 0;
  }

  // Replaces the state live, or returns false if it is live no longer: of two threads that release one
  // block, one is told.
  static bool try_end(void* payload, size_t usable, State to) {
    size_t live = word_for(payload, usable, State::live);
    const size_t ended = word_for(payload, usable, to);
    return __atomic_compare_exchange_n(static_cast<AliasWord*>(word_of(payload)), &live, ended,
                                       false, __ATOMIC_RELEASE, __ATOMIC_RELAXED);
  }

  // None.
  constexpr BlockPrefix() : bits_(0) {}

  State state() const { return static_cast<State>(bits_ & kStateMask); }
  bool is_live() const { return state() == State::live; }
  size_t usable() const { return bits_ & ~kStateMask; }

 private:
  static constexpr size_t kMinChunk = 32;
  static constexpr size_t kStateMask = 0b111;
  static constexpr unsigned kSizeBits = kWordBits == 64 ? 32 : 22;
  static constexpr size_t kCheckMask = ~size_t{0} << kSizeBits;
  static_assert(kMaxUsable < size_t{1} << kSizeBits);

  explicit BlockPrefix(size_t bits) : bits_(bits) {}

  static void* word_of(void* payload) { return static_cast<char*>(payload) - kSize; }

  static size_t word_for(const void* payload, size_t usable, State state) {
    return ((hash_of(payload, usable) & kCheckMask) | usable) ^ mark_of(state);
  }
  // Neighbouring addresses differ in the high bits, those of the check.
  static size_t hash_of(const void* payload, size_t usable) {
    return scatter(address_of(payload) ^ usable ^ Pages::secret());
  }
  // What a state adds.
  static constexpr size_t mark_of(State state) {
    return static_cast<size_t>(state) | (state == State::live ? 0 : kCheckMask);
  }

  size_t bits_;
};

}  // namespace talc
