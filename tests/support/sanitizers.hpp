// Which sanitizer the tests run under: some change what memory or fork cost, or forbid limits.
#pragma once

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TALC_TEST_ASAN 1
#elif __has_feature(thread_sanitizer)
#define TALC_TEST_TSAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define TALC_TEST_ASAN 1
#elif defined(__SANITIZE_THREAD__)
#define TALC_TEST_TSAN 1
#endif

namespace talc {

#ifdef TALC_TEST_ASAN
inline constexpr bool kUnderAsan = true;
#else
inline constexpr bool kUnderAsan = false;
#endif

#ifdef TALC_TEST_TSAN
inline constexpr bool kUnderTsan = true;
#else
inline constexpr bool kUnderTsan = false;
#endif

inline constexpr bool kUnderSanitizer = kUnderAsan || kUnderTsan;

}  // namespace talc
