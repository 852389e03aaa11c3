// KernelFile: a small text file of /proc or /sys, read whole, without stdio and without allocating.
//
// Only raw calls: libc's open and read may be cancelled, and errno is left as it was. What the file
// has beyond kMaxBytes is not read. Used by cgroup.hpp and memory_available.hpp.
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "talc/base/text.hpp"

namespace talc {

class KernelFile {
 public:
  static constexpr size_t kMaxBytes = 4095;

  // Ensures: empty if the file cannot be read. Cost: three system calls.
  explicit KernelFile(const char* path) {
    const int saved_errno = errno;
    const long file = ::syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    size_t size = 0;
    if (file >= 0) {
      for (long got = 1; got > 0 && size<kMaxBytes; size += got> 0 ? got : 0) {
        got = ::syscall(SYS_read, file, text_ + size, kMaxBytes - size);
      }
      ::syscall(SYS_close, file);
    }
    text_[size] = '\0';
    errno = saved_errno;
  }

  const char* text() const { return text_; }

  // What follows `key` where a line begins with it; null if none does.
  const char* after(const char* key) const {
    const size_t key_bytes = __builtin_strlen(key);
    for (const char* line = text_; line != nullptr; line = next_line(line)) {
      if (__builtin_strncmp(line, key, key_bytes) == 0) {
        return line + key_bytes;
      }
    }
    return nullptr;
  }

  // The line after the one that `line` points into; null if that is the last one.
  static const char* next_line(const char* line) {
    const char* const end = __builtin_strchr(line, '\n');
    return end == nullptr || end[1] == '\0' ? nullptr : end + 1;
  }

 private:
  char text_[kMaxBytes + 1];
};

// The decimal number at `text`, after spaces; `otherwise` if there is none ("max", null). One that is
// too large becomes the largest.
inline size_t number_at(const char* text, size_t otherwise) {
  while (text != nullptr && *text == ' ') {
    ++text;
  }
  if (text == nullptr || *text < '0' || *text > '9') {
    return otherwise;
  }
  size_t number = 0;
  for (; *text >= '0' && *text <= '9'; ++text) {
    const auto digit = static_cast<size_t>(*text - '0');
    if (__builtin_mul_overflow(number, size_t{10}, &number) ||
        __builtin_add_overflow(number, digit, &number)) {
      return ~size_t{0};
    }
  }
  return number;
}

}  // namespace talc
