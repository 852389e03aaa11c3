// Assertions about our own code: TALC_ASSERT(condition), active where TALC_DEBUG is defined.
//
// They catch bugs in the allocator and broken contracts of its freestanding interface; misuse that
// is found in every build is a named fault (os/fault.hpp) instead. Freestanding code has no way to
// print, so a failed assertion calls the hook, if one is set, and then traps; os/print_assertion.hpp
// has the hook that prints. TALC_DEBUG must be the same in every file of a program.
#pragma once

namespace talc {

// Told what failed as "file:line: condition". May abort; when it returns, the program traps.
using AssertionHook = void (*)(const char* what);

// Null: none, a failed assertion traps at once. To be set before there are threads.
inline constinit AssertionHook assertion_hook = nullptr;

// Where a failed TALC_ASSERT ends. Calls the hook, then traps.
[[noreturn, gnu::cold, gnu::noinline]] inline void assertion_failed(const char* what) {
  if (assertion_hook != nullptr) {
    assertion_hook(what);
  }
  __builtin_trap();
}

}  // namespace talc

namespace talc {

// Whether TALC_DEBUG is defined.
#ifdef TALC_DEBUG
inline constexpr bool kAssertions = true;
#else
inline constexpr bool kAssertions = false;
#endif

}  // namespace talc

// A token as a string literal.
#define TALC_STRINGIZE_TOKEN(token) #token
// The same of what a macro stands for.
#define TALC_STRINGIZE(token) TALC_STRINGIZE_TOKEN(token)

// Ends the program if `condition` is false and TALC_DEBUG is defined.
#ifdef TALC_DEBUG
#define TALC_ASSERT(condition)        \
  ((condition) ? static_cast<void>(0) \
               : ::talc::assertion_failed(__FILE__ ":" TALC_STRINGIZE(__LINE__) ": " #condition))
#else
// Not evaluated, but parsed, so that a variable used only in assertions is still used.
#define TALC_ASSERT(condition) static_cast<void>(sizeof((condition) ? 1 : 0))
#endif
