// read_file(): the beginning of a file of /proc or /sys, as a string.
//
// Not by stdio, which allocates. Signals may interrupt, errno stays. Used where the kernel tells something as
// text: limits, what is resident.
#pragma once

#include <errno.h>

#include "talc/base/word.hpp"
#include "talc/os/system_call.hpp"

namespace talc {

// Reads until the file ends or the buffer is full, and adds a NUL. Returns the bytes read: 0 if there
// is no such file. Requires: capacity > 0. Cost: three system calls, or one more for each page of text.
inline size_t read_file(const char* path, char* buffer, size_t capacity) {
  const int saved_errno = errno;
  const int file = sys::open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
  size_t size = 0;
  while (file >= 0 && size + 1 < capacity) {
    const ssize_t read = sys::read(file, buffer + size, capacity - 1 - size);
    if (read < 0 && errno == EINTR) {
      continue;
    }
    if (read <= 0) {
      break;
    }
    size += static_cast<size_t>(read);
  }
  if (file >= 0) {
    sys::close(file);
  }
  buffer[size] = '\0';
  errno = saved_errno;
  return size;
}

// The number in decimal at the start of `text`, spaces aside; false if there is none.
inline bool read_decimal(const char* text, uint64_t& number) {
  while (*text == ' ' || *text == '\t') {
    ++text;
  }
  uint64_t value = 0;
  const char* const first = text;
  for (; *text >= '0' && *text <= '9'; ++text) {
    value = value * 10 + static_cast<uint64_t>(*text - '0');
  }
  if (text == first) {
    return false;
  }
  number = value;
  return true;
}

}  // namespace talc
