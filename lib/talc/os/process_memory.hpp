// ProcessMemory: what the kernel says of the whole process, ours and others' memory alike.
//
//   /proc/thread-self/smaps_rollup   Rss, AnonHugePages, LazyFree   walks the page tables
//   /proc/thread-self/statm          resident pages               where there is no such file; costs little
//   /proc/thread-self/maps           a line for each mapping
//   getrusage                       faults
//
// Of the thread, whose memory is the process's: the main thread may have ended. By raw calls and into the
// stack. Asked for each report.
#pragma once

#include <sys/resource.h>

#include "talc/base/c_string.hpp"
#include "talc/os/kernel_file.hpp"
#include "talc/os/pages.hpp"
#include "talc/os/system_call.hpp"

namespace talc {

struct ProcessMemory {
  static constexpr uint64_t kUnknown = ~uint64_t{0};

  uint64_t rss = kUnknown;              // bytes that are resident
  uint64_t anon_huge_pages = kUnknown;  // bytes of them that are in huge pages
  uint64_t lazy_free = kUnknown;        // bytes that the kernel may take as it likes: MADV_FREE
  uint64_t mappings = kUnknown;         // regions of the address space
  uint64_t minor_faults = kUnknown;     // page faults that needed no disk, ever
  uint64_t major_faults = kUnknown;     // and those that did

  // Bytes, quickly.
  static uint64_t ask_rss() {
    char text[128];
    uint64_t pages = 0;
    read_file("/proc/thread-self/statm", text, sizeof text);
    const char* const second = find(text, ' ');
    return second != nullptr && read_decimal(second, pages) ? pages * Pages::page_size() : kUnknown;
  }

  // All of it. Cost: linear in the memory and the mappings of the process.
  static ProcessMemory ask() {
    ProcessMemory memory;
    const KernelFile sums("/proc/thread-self/smaps_rollup");
    memory.rss = kilobytes(sums.after("Rss:"));
    memory.anon_huge_pages = kilobytes(sums.after("AnonHugePages:"));
    memory.lazy_free = kilobytes(sums.after("LazyFree:"));
    if (memory.rss == kUnknown) {
      memory.rss = ask_rss();
    }
    memory.mappings = count_lines("/proc/thread-self/maps");
    const int saved_errno = errno;
    struct rusage usage = {};
    if (::syscall(SYS_getrusage, RUSAGE_SELF, &usage) == 0) {
      memory.minor_faults = static_cast<uint64_t>(usage.ru_minflt);
      memory.major_faults = static_cast<uint64_t>(usage.ru_majflt);
    }
    errno = saved_errno;
    return memory;
  }

 private:
  // The bytes that " n kB" means; of a line that is not there, kUnknown.
  static uint64_t kilobytes(const char* number) {
    uint64_t value = 0;
    return number != nullptr && read_decimal(number, value) ? value * 1024 : kUnknown;
  }

  static uint64_t count_lines(const char* path) {
    const int saved_errno = errno;
    const int file = sys::open(path, O_RDONLY | O_CLOEXEC);
    uint64_t lines = 0;
    char text[4096];
    for (long size = 1; file >= 0 && size > 0;) {
      size = sys::read(file, text, sizeof text);
      for (long i = 0; i < size; ++i) {
        lines += text[i] == '\n' ? 1 : 0;
      }
      size = size < 0 && errno == EINTR ? 1 : size;
    }
    if (file >= 0) {
      sys::close(file);
    }
    errno = saved_errno;
    return lines == 0 ? kUnknown : lines;
  }
};

}  // namespace talc
