// Guard: what an engine does about free memory that the program has written to.
//
// A gap's links and sizes lie in memory that a stray write reaches, and whoever controls what is
// written there has the engine write where he likes (the unlink attack on dlmalloc: Solar Designer,
// 2000; its first remedy, comparing both links before they are followed: glibc 2.3.4). An engine
// whose handler names a Guard keeps the pointer to each gap, and what a chunk in a quick list points to,
// sealed: mixed with a secret and with the size, so that a gap with another size, or at another place,
// does not open it. It checks each gap before it is unlinked, each chunk before it leaves a quick list,
// and each tag before a block is freed or resized.
//
//     struct Handler { struct Guard {
//       static constexpr bool kChecks = true;
//       template <class T> static T* seal(T* pointer, size_t size);   // its own inverse
//       static bool may_point(const void* ptr);       // whether reading there is safe, for any ptr
//       [[noreturn]] static void on_corrupt_block(const void* payload);
//       [[noreturn]] static void on_corrupt_gap(const void* gap);
//     }; };
//
// Costs some 40 instructions for a gap that is taken out. Used by bins.hpp and talc.hpp.
#pragma once

#include "talc/core/chunk.hpp"

namespace talc {

// Trusts the program: what an engine has whose handler names nothing.
struct NoGuard {
  static constexpr bool kChecks = false;
  template <class T>
  static T* seal(T* pointer, size_t) {
    return pointer;
  }
  static bool may_point(const void*) { return true; }
  static void on_corrupt_block(const void*) {}
  static void on_corrupt_gap(const void*) {}
};

// The Guard that T names, or none.
template <class T>
struct GuardOf {
  using Type = NoGuard;
};

template <class T>
requires requires { typename T::Guard; }
struct GuardOf<T> {
  using Type = typename T::Guard;
};

}  // namespace talc
