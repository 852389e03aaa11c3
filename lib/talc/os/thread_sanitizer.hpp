// kUnderThreadSanitizer: whether this code is compiled for ThreadSanitizer, which must see how
// memory comes and goes, and has room for its shadow only at addresses of the kernel's own choice.
// Used by pages.hpp and heap_placement.hpp.
#pragma once

#if defined(__SANITIZE_THREAD__)
#define TALC_UNDER_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TALC_UNDER_THREAD_SANITIZER 1
#endif
#endif
#ifndef TALC_UNDER_THREAD_SANITIZER
#define TALC_UNDER_THREAD_SANITIZER 0
#endif

namespace talc {

inline constexpr bool kUnderThreadSanitizer = TALC_UNDER_THREAD_SANITIZER != 0;

}  // namespace talc
