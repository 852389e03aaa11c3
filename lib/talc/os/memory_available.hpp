// memory_available(): how much memory this process may have at most: what the machine has, or less
// where a control group says so.
//
// A fraction of it is what TALC_HEAP_LIMIT=80% means. Asked when that option is read: limits that
// change later are not seen.
#pragma once

#include "talc/base/text.hpp"
#include "talc/os/cgroup.hpp"

namespace talc {

// Ensures: at least 1; all ones if nobody tells. Allocates nothing. Cost: some system calls for each
// level of control groups. `root` stands before every path: a test's own tree.
inline size_t memory_available(const char* root = "") {
  size_t least = ~size_t{0};
  Cgroup::for_each(root, [&](const Cgroup& group) {
    const size_t limit = group.limit();
    least = limit < least ? limit : least;
  });
  char path[256];
  TextWriter out(path, sizeof path - 1);
  out.text(root).text("/proc/meminfo");
  path[out.size()] = '\0';
  const KernelFile memory(path);
  const size_t total_kib = number_at(memory.after("MemTotal:"), 0);
  const size_t total = total_kib > (~size_t{0} >> 10) ? 0 : total_kib << 10;
  least = total != 0 && total < least ? total : least;
  return least == 0 ? 1 : least;
}

}  // namespace talc
