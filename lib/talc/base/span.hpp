// Span: a region of memory, from `base` up to and excluding `acme`.
//
//        base                         acme
//         v                            v
//     ....[byte][byte] ...       [byte]|....        empty when acme <= base
//
// The currency in which heaps are claimed, resized and asked about. A value: it owns nothing and
// never touches the memory it describes. All empty spans are equal, wherever they point. Pointers
// are compared as addresses, since a span may lie in no object that C++ knows of.
// Used by Talc's heap management, by OOM handlers and by those who write them.
#pragma once

#include "talc/base/text.hpp"
#include "talc/base/word.hpp"

namespace talc {

// The bounds of a span that is not empty; false for those of an empty one.
struct BaseAcme {
  char* base = nullptr;  // the lowest address
  char* acme = nullptr;  // the first one above
  // Whether the span was not empty.
  constexpr explicit operator bool() const { return acme != nullptr; }
};

// Iterates over the bytes of a span; both null for an empty one.
struct PtrRange {
  char* first = nullptr;                           // the first byte
  char* last = nullptr;                            // behind the last one
  constexpr char* begin() const { return first; }  // for range-based for
  constexpr char* end() const { return last; }     // the same
};

// The bytes of a span as pointer and length; null and 0 for an empty one.
struct Slice {
  char* data = nullptr;                                // the first byte
  size_t size = 0;                                     // how many there are
  constexpr char* begin() const { return data; }       // for range-based for
  constexpr char* end() const { return data + size; }  // the same
  // Requires: `index` is less than `size`.
  constexpr char& operator[](size_t index) const { return data[index]; }
};

struct SpanPair;

struct Span {
  char* base = nullptr;  // the lowest address
  char* acme = nullptr;  // the first one above

  constexpr Span() = default;
  // From `span_base` up to and excluding `span_acme`.
  constexpr Span(char* span_base, char* span_acme) : base(span_base), acme(span_acme) {}

  // `size_bytes` from `base` on; empty if that would pass the end of the address space.
  static constexpr Span from_base_size(char* base, size_t size_bytes) {
    return size_bytes > room_above(base) ? Span{} : Span{base, base + size_bytes};
  }

  // The memory of `count` objects from `first` on. Constant-evaluated only for char.
  template <class T>
  static constexpr Span from_slice(T* first, size_t count) {
    if constexpr (is_char<T>) {
      return {first, first + count};
    } else {
      return {reinterpret_cast<char*>(first), reinterpret_cast<char*>(first + count)};
    }
  }

  // The memory of a whole array. Constant-evaluated only for char.
  template <class T, size_t kCount>
  static constexpr Span from_array(T (&array)[kCount]) {
    return from_slice(static_cast<T*>(array), kCount);
  }

  constexpr bool is_empty() const { return !is_below(base, acme); }  // whether no byte is in it
  constexpr bool is_sized() const { return !is_empty(); }            // whether some byte is
  // How many bytes there are.
  constexpr size_t size() const { return is_empty() ? 0 : distance(base, acme); }

  // Both ends, or false.
  constexpr BaseAcme get_base_acme() const {
    return is_empty() ? BaseAcme{} : BaseAcme{base, acme};
  }
  // The bytes to iterate over.
  constexpr PtrRange to_ptr_range() const { return is_empty() ? PtrRange{} : PtrRange{base, acme}; }
  // The bytes by index.
  constexpr Slice to_slice() const { return is_empty() ? Slice{} : Slice{base, size()}; }

  // Whether the same bytes are in both.
  constexpr bool operator==(const Span& other) const {
    return is_empty() ? other.is_empty() : base == other.base && acme == other.acme;
  }

  // Whether the byte at `ptr` is in it.
  constexpr bool contains(const char* ptr) const {
    return !is_below(ptr, base) && is_below(ptr, acme);
  }
  // The same of a pointer of any type.
  bool contains(const void* ptr) const { return contains(static_cast<const char*>(ptr)); }

  // Whether all bytes of `other` are in it. Every span, an empty one too, contains the empty span.
  constexpr bool contains_span(Span other) const {
    return other.is_empty() ||
           (is_sized() && !is_below(other.base, base) && !is_below(acme, other.acme));
  }

  // Whether some byte is in both.
  constexpr bool overlaps(Span other) const { return fit_within(other).is_sized(); }

  // The largest span of whole words inside this one.
  Span word_align_inward() const {
    if (is_empty() || to_next_word(base) > distance(base, acme)) {
      return {};
    }
    return Span{base + to_next_word(base), acme - from_last_word(acme)}.or_null();
  }

  // The smallest span of whole words around this one; an empty span stays empty.
  // Ensures: acme is not moved where the word that holds it is the address space's last.
  Span word_align_outward() const {
    if (is_empty()) {
      return {};
    }
    const size_t up = to_next_word(acme);
    return {base - from_last_word(base), up > room_above(acme) ? acme : acme + up};
  }

  // The part at or above `ptr`.
  constexpr Span above(char* ptr) const { return Span{higher(base, ptr), acme}.or_null(); }

  // The part below `ptr`.
  constexpr Span below(char* ptr) const { return Span{base, lower(acme, ptr)}.or_null(); }

  // The part that lies in `other` as well.
  constexpr Span fit_within(Span other) const {
    return is_empty() || other.is_empty()
               ? Span{}
               : Span{higher(base, other.base), lower(acme, other.acme)}.or_null();
  }

  // The smallest span that contains both; an empty span adds nothing.
  constexpr Span fit_over(Span other) const {
    if (is_empty()) {
      return other.or_null();
    }
    return other.is_empty() ? *this : Span{lower(base, other.base), higher(acme, other.acme)};
  }

  // Lowers base by `low_bytes` and raises acme by `high_bytes`, as far as there are addresses.
  // An empty span stays empty.
  constexpr Span extend(size_t low_bytes, size_t high_bytes) const {
    if (is_empty()) {
      return {};
    }
    return {base - smaller(low_bytes, room_below(base)),
            acme + smaller(high_bytes, room_above(acme))};
  }

  // Raises base by `low_bytes` and lowers acme by `high_bytes`; empty when nothing is left.
  constexpr Span truncate(size_t low_bytes, size_t high_bytes) const {
    if (low_bytes >= size() || high_bytes >= size() - low_bytes) {
      return {};
    }
    return {base + low_bytes, acme - high_bytes};
  }

  // The parts below and above `excluded`; all of it and an empty span when that is empty.
  constexpr SpanPair except(Span excluded) const;

  // Writes "0x1000..[4096]..0x2000", or "empty span".
  void print(TextWriter& out) const {
    if (is_empty()) {
      out.text("empty span");
    } else {
      out.pointer(base).text("..[").decimal(size()).text("]..").pointer(acme);
    }
  }

 private:
  template <class T>
  static constexpr bool is_char = false;

  constexpr Span or_null() const { return is_empty() ? Span{} : *this; }

  static constexpr char* lower(char* a, char* b) { return is_below(b, a) ? b : a; }
  static constexpr char* higher(char* a, char* b) { return is_below(a, b) ? b : a; }

  // Constant evaluation has no addresses, only pointers into one object; there, these say what
  // they can without one, so that spans over static arrays can be constants.
  static constexpr bool is_below(const char* a, const char* b) {
    return __builtin_is_constant_evaluated() ? a < b : address_of(a) < address_of(b);
  }
  static constexpr size_t distance(const char* from, const char* to) {
    return __builtin_is_constant_evaluated() ? static_cast<size_t>(to - from)
                                             : address_of(to) - address_of(from);
  }
  static constexpr size_t room_below(const char* ptr) {
    return __builtin_is_constant_evaluated() ? SIZE_MAX : address_of(ptr);
  }
  static constexpr size_t room_above(const char* ptr) {
    return __builtin_is_constant_evaluated() ? SIZE_MAX : SIZE_MAX - address_of(ptr);
  }
  static size_t from_last_word(const char* ptr) { return address_of(ptr) & (kWordSize - 1); }
  static size_t to_next_word(const char* ptr) { return (0 - address_of(ptr)) & (kWordSize - 1); }
};

template <>
inline constexpr bool Span::is_char<char> = true;

// What Span::except leaves.
struct SpanPair {
  Span below;  // what lies below what was left out
  Span above;  // what lies above it
};

constexpr SpanPair Span::except(Span excluded) const {
  if (excluded.is_empty()) {
    return {*this, {}};
  }
  return {below(excluded.base), above(excluded.acme)};
}

}  // namespace talc
