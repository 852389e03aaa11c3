// Memory for the heaps of engine tests, and randomness that can be repeated.
//
// TestMemory knows which of its bytes an engine may touch. The others are filled with a pattern
// that is checked before they are given to an engine again, and poisoned where AddressSanitizer
// runs, so an engine that reads or writes beyond a heap is caught at once, or a little later.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>
#include <string.h>

#include <initializer_list>
#include <memory>
#include <random>

#include "support/sanitizers.hpp"
#include "talc/base/span.hpp"

#ifdef TALC_TEST_ASAN
#include <sanitizer/asan_interface.h>
#endif

namespace talc {

// What a test goes through: for (const size_t size : Sizes{1, 10, 100}).
using Sizes = std::initializer_list<size_t>;

class TestMemory {
 public:
  // The memory begins `skew_bytes` above a multiple of `align`, and may all be touched.
  explicit TestMemory(size_t size_bytes, size_t align = 4096, size_t skew_bytes = 0)
      : block_(std::make_unique<char[]>(size_bytes + skew_bytes + align)),
        span_(Span::from_base_size(align_up(block_.get(), align) + skew_bytes, size_bytes)) {}

  ~TestMemory() { unpoison(span_); }
  TestMemory(TestMemory&&) = default;
  TestMemory(const TestMemory&) = delete;
  TestMemory& operator=(const TestMemory&) = delete;
  TestMemory& operator=(TestMemory&&) = delete;

  Span span() const { return span_; }
  char* base() const { return span_.base; }
  size_t size() const { return span_.size(); }
  Span part(size_t from, size_t to) const { return Span(span_.base + from, span_.base + to); }

  // From now on nobody may touch `part`.
  static void revoke(Span part) {
    if (part.is_sized()) {
      memset(part.base, kUntouched, part.size());
#ifdef TALC_TEST_ASAN
      ASAN_POISON_MEMORY_REGION(part.base, part.size());
#endif
    }
  }

  // Requires: `part` is revoked.
  static void grant(Span part) {
    unpoison(part);
    for (const char byte : part.to_ptr_range()) {
      if (byte != kUntouched) {
        ADD_FAILURE() << "memory outside of the heap was written to";
        return;
      }
    }
  }

  // Makes `to` touchable where `from` was, and no more.
  static void replace_grant(Span from, Span to) {
    const Span both = from.fit_over(to);
    const SpanPair lost = from.except(to);
    const SpanPair won = to.except(from);
    ASSERT_TRUE(from.is_empty() || to.is_empty() || from.overlaps(to)) << both.size();
    for (const Span part : {lost.below, to.is_empty() ? Span() : lost.above}) {
      revoke(part);
    }
    for (const Span part : {won.below, from.is_empty() ? Span() : won.above}) {
      grant(part);
    }
  }

 private:
  static constexpr char kUntouched = static_cast<char>(0xEE);

  static void unpoison([[maybe_unused]] Span part) {
#ifdef TALC_TEST_ASAN
    ASAN_UNPOISON_MEMORY_REGION(part.base, part.size());
#endif
  }

  std::unique_ptr<char[]> block_;
  Span span_;
};

// The seed of tests that draw at random: TALC_TEST_SEED, or `usual`.
inline unsigned long test_seed(unsigned long usual) {
  const char* const given = getenv("TALC_TEST_SEED");
  return given != nullptr ? strtoul(given, nullptr, 0) : usual;
}

class Random {
 public:
  explicit Random(unsigned long seed) : engine_(seed) {}

  // In [0, bound). Requires: bound > 0.
  size_t below(size_t bound) { return static_cast<size_t>(engine_() % bound); }
  size_t between(size_t least, size_t most) { return least + below(most - least + 1); }
  bool one_in(size_t count) { return below(count) == 0; }

  // In [0, most]; each order of magnitude is as likely as the others.
  size_t magnitude(size_t most) {
    size_t bits = 0;
    while (bits < 63 && most >> bits != 0) {
      ++bits;
    }
    const size_t limit = size_t{1} << below(bits + 1);
    return below((limit < most ? limit : most) + 1);
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace talc
