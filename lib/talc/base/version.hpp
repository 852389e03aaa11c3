// The version of talc: of the libraries, of what their reports say, and of these headers.
//
// meson.build has the same; a test compares them.
#pragma once

namespace talc {

// Major, minor and patch, as of Semantic Versioning.
inline constexpr char kVersion[] = "1.0.0";

}  // namespace talc
