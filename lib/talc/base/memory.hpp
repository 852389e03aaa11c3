// Raw memory access: words kept inside memory of any type, block copies, and placement.
//
// The engine writes its tags and links into memory that its callers use as whatever they like, so
// its loads and stores must be allowed to alias everything; `AliasWord` says so to the compiler.
// The block operations are all that the freestanding layers need from a platform: memcpy and memset,
// which every compiler may call on its own account anyway, as it may memmove.
#pragma once

#include "talc/base/word.hpp"

namespace talc {

using AliasWord [[gnu::may_alias]] = size_t;
using AliasPointer [[gnu::may_alias]] = char*;

// Requires: `at` is word aligned and readable.
inline size_t load_word(const void* at) { return *static_cast<const AliasWord*>(at); }

// Requires: `at` is word aligned and writable.
inline void store_word(void* at, size_t word) { *static_cast<AliasWord*>(at) = word; }

// Requires: `at` is word aligned and readable.
inline char* load_pointer(const void* at) { return *static_cast<const AliasPointer*>(at); }

// Requires: `at` is word aligned and writable.
inline void store_pointer(void* at, char* ptr) { *static_cast<AliasPointer*>(at) = ptr; }

// Requires: the two ranges do not overlap, and neither pointer is null. Cost: linear in `size_bytes`.
inline void copy_bytes(void* to, const void* from, size_t size_bytes) {
  __builtin_memcpy(to, from, size_bytes);
}

// `at` may be null where there is nothing to do. Cost: linear in `size_bytes`.
inline void zero_bytes(void* at, size_t size_bytes) {
  if (size_bytes != 0) {
    __builtin_memset(at, 0, size_bytes);
  }
}

// std::move, std::forward and the like live in <utility>, which bare toolchains may lack.
template <class T>
struct RemoveReference {
  using Type = T;
};
template <class T>
struct RemoveReference<T&> {
  using Type = T;
};
template <class T>
struct RemoveReference<T&&> {
  using Type = T;
};

template <class T>
constexpr typename RemoveReference<T>::Type&& move(T&& value) {
  return static_cast<typename RemoveReference<T>::Type&&>(value);
}

// std::conditional.
template <bool kCondition, class Yes, class No>
struct Choose {
  using Type = Yes;
};
template <class Yes, class No>
struct Choose<false, Yes, No> {
  using Type = No;
};

// Selects talc's own placement new, since <new> may be missing: `new (kPlacement, at) T(...)`.
struct PlacementTag {};
inline constexpr PlacementTag kPlacement{};

}  // namespace talc

inline void* operator new(size_t, talc::PlacementTag, void* at) noexcept { return at; }

// Called only if a constructor throws; the memory stays its owner's.
inline void operator delete(void*, talc::PlacementTag, void*) noexcept {}
