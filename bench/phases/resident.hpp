// How much memory the process has, as the kernel counts it, beyond what it had when this was made.
//
// What was resident then is the program, its tables and the library as it starts: what is left is the
// allocator's heap, or nearly. The count is read by pread into a buffer on the stack: no allocator is called.
#pragma once

#include <fcntl.h>
#include <stdint.h>
#include <unistd.h>

#include "../common/program.hpp"

namespace bench {

class Resident {
 public:
  Resident() {
    if (file_ < 0) {
      fail("cannot open /proc/self/statm");
    }
    at_start_ = all_bytes();
  }
  Resident(const Resident&) = delete;
  Resident& operator=(const Resident&) = delete;
  ~Resident() { close(file_); }

  uint64_t bytes() const {
    const uint64_t now = all_bytes();
    return now > at_start_ ? now - at_start_ : 0;
  }

 private:
  // The second number of the line, in pages.
  uint64_t all_bytes() const {
    char line[256];
    const ssize_t length = pread(file_, line, sizeof line - 1, 0);
    if (length <= 0) {
      fail("cannot read /proc/self/statm");
    }
    line[length] = '\0';
    char* end = line;
    strtoull(line, &end, 10);
    return strtoull(end, nullptr, 10) * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  }

  int file_ = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  uint64_t at_start_ = 0;
};

}  // namespace bench
