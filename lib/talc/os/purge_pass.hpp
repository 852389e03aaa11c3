// PurgePass: one walk of a purger over memory that nobody uses, and Age: how long a piece of it has
// lain untouched.
//
//   touched ──a pass sees it──> seen ──a later pass finds it as it was──> purged ──used again──> touched
//
// So what is given back has been idle from one pass to the next at least, and memory that comes and
// goes between two passes keeps its pages: no clock is read and nothing is written where blocks are
// handed out. Slabs, gaps and huge blocks that are kept have an Age each.
#pragma once

#include "talc/base/span.hpp"

namespace talc {

struct PurgePass {
  // What is purged: nothing, but it is counted; what has been idle since an earlier pass; all.
  enum class Takes : unsigned char { nothing, idle, all };

  Takes takes = Takes::nothing;
  unsigned number = 0;             // of the pass; a pass may come in several parts
  bool is_resumed = false;         // this part goes on where the one before it stopped
  unsigned calls_left = ~0U;       // how often this part may ask the kernel
  size_t bytes_left = ~size_t{0};  // how much this part may give back, before its last call
  unsigned steps_left = ~0U;       // how many slabs, groups and gaps this part may look at
  size_t purged_bytes = 0;         // what it has given back
  size_t dirty_bytes = 0;          // what it has left: free memory that may have pages
  size_t live_bytes = 0;           // what is not free, with what that costs

  // A part that holds a lock: who wants it waits for a hundred microseconds or two.
  void begin_part() {
    calls_left = kPartCalls;
    bytes_left = kPartBytes;
    steps_left = kPartSteps;
  }
  // One that holds none.
  void begin_free_part() {
    calls_left = steps_left = ~0U;
    bytes_left = ~size_t{0};
  }

  bool may_go_on() const { return calls_left != 0 && bytes_left != 0 && steps_left != 0; }
  void count_step() { steps_left -= 1; }
  void count_call(size_t bytes) {
    calls_left -= calls_left == 0 ? 0 : 1;
    bytes_left -= bytes < bytes_left ? bytes : bytes_left;
    purged_bytes += bytes;
  }

  // What one call is to give back of pages that a part may not give back at once: up to the next border
  // of a huge page, so that none is split.
  Span lowest_piece(Span pages) const {
    return is_small(pages) ? pages : Span(pages.base, align_up(pages.base + 1, kPartBytes));
  }
  Span highest_piece(Span pages) const {
    return is_small(pages) ? pages : Span(align_down(pages.acme - 1, kPartBytes), pages.acme);
  }

  static constexpr unsigned kPartCalls = 16;
  static constexpr size_t kPartBytes = size_t{2} << 20;
  static constexpr unsigned kPartSteps = 256;

 private:
  bool is_small(Span pages) const {
    return pages.size() <= bytes_left || pages.size() <= kPartBytes;
  }
};

class Age {
 public:
  constexpr Age() = default;
  // As bits() told.
  constexpr explicit Age(uint8_t bits) : bits_(bits) {}

  void touch() { bits_ = kTouched; }
  void set_purged() { bits_ = kPurged; }
  bool is_purged() const { return bits_ == kPurged; }
  uint8_t bits() const { return bits_; }

  // Whether the pass is to purge what has this age.
  bool is_due(const PurgePass& pass) {
    if (pass.takes != PurgePass::Takes::idle || bits_ == kPurged) {
      return pass.takes == PurgePass::Takes::all && bits_ != kPurged;
    }
    const auto now = static_cast<uint8_t>(1 + pass.number % (kPurged - 1));
    if (bits_ == kTouched) {
      bits_ = now;
    }
    return bits_ != now;
  }

 private:
  static constexpr uint8_t kTouched = 0;
  static constexpr uint8_t kPurged = 0xFF;

  uint8_t bits_ = kTouched;
};

}  // namespace talc
