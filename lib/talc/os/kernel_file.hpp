// KernelFile: a small text file of /proc or /sys, read whole, and its lines.
//
// As small_file.hpp reads them: without stdio, without allocating, errno as it was. What the file has
// beyond kMaxBytes is not read. Used by cgroup.hpp, memory_available.hpp
// and process_memory.hpp.
#pragma once

#include "talc/base/c_string.hpp"
#include "talc/os/small_file.hpp"

namespace talc {

class KernelFile {
 public:
  static constexpr size_t kMaxBytes = 4095;

  // Ensures: empty if the file cannot be read. Cost: three system calls.
  explicit KernelFile(const char* path) { read_file(path, text_, sizeof text_); }

  const char* text() const { return text_; }

  // What follows `key` where a line begins with it; null if none does.
  const char* after(const char* key) const {
    for (const char* line = text_; line != nullptr; line = next_line(line)) {
      if (begins_with(line, key)) {
        return line + length_of(key);
      }
    }
    return nullptr;
  }

  // The line after the one that `line` points into; null if that is the last one.
  static const char* next_line(const char* line) {
    const char* const end = find(line, '\n');
    return end == nullptr || end[1] == '\0' ? nullptr : end + 1;
  }

 private:
  char text_[kMaxBytes + 1];
};

// The decimal number at `text`, after spaces; `otherwise` if there is none ("max", null). More than a
// word holds becomes the most that it does.
inline size_t number_at(const char* text, size_t otherwise) {
  uint64_t number = 0;
  if (text == nullptr || !read_decimal(text, number)) {
    return otherwise;
  }
  constexpr uint64_t kMost = ~size_t{0};
  return static_cast<size_t>(number < kMost ? number : kMost);
}

}  // namespace talc
