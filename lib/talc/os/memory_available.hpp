// memory_available(): how much memory this process can have at all: the machine's, or what its control
// group may have, whichever is less.
//
//   /proc/self/cgroup   0::/a/b          v2: /sys/fs/cgroup/a/b/memory.max, …/a/memory.max, …
//                       5:memory:/a/b    v1: /sys/fs/cgroup/memory/a/b/memory.limit_in_bytes, …
//
// A group's limit holds for those within, so each level on the way to the root is asked; a path that
// a container does not show is passed over. Asked when an option gives a share of it, so rarely.
#pragma once

#include <sys/sysinfo.h>

#include "talc/base/text.hpp"
#include "talc/os/small_file.hpp"

namespace talc {

namespace memory_available_detail {

inline constexpr size_t kMaxPath = 512;

// The smallest limit that a file of that name has, in the folder `group` of `mount` or above.
inline size_t least_limit(const char* mount, const char* group, size_t group_size,
                          const char* file) {
  size_t least = ~size_t{0};
  for (;;) {
    char path[kMaxPath];
    TextWriter out(path, sizeof path - 1);
    out.text(mount).text(group, group_size).character('/').text(file);
    path[out.size()] = '\0';
    char text[32];
    uint64_t limit = 0;
    if (!out.is_truncated() && read_file(path, text, sizeof text) != 0 &&
        read_decimal(text, limit) && limit < least) {  // "max" is no number
      least = static_cast<size_t>(limit);
    }
    if (group_size == 0) {
      return least;
    }
    while (group_size != 0 && group[--group_size] != '/') {
    }
  }
}

inline const char* after(const char* prefix, const char* text) {
  const size_t size = __builtin_strlen(prefix);
  return __builtin_strncmp(prefix, text, size) == 0 ? text + size : nullptr;
}

// The limit that the line of /proc/self/cgroup names, which ends at `end`.
inline size_t limit_of_line(const char* line, const char* end) {
  const char* const controllers = __builtin_strchr(line, ':');
  if (controllers == nullptr || controllers >= end) {
    return ~size_t{0};
  }
  const char* group = after(":memory:", controllers);
  const bool is_first_version = group != nullptr;
  group = is_first_version ? group : after("::", controllers);
  if (group == nullptr) {
    return ~size_t{0};
  }
  const auto size = static_cast<size_t>(end - group);
  return is_first_version
             ? least_limit("/sys/fs/cgroup/memory", group, size, "memory.limit_in_bytes")
             : least_limit("/sys/fs/cgroup", group, size, "memory.max");
}

}  // namespace memory_available_detail

// Bytes that the process's control group may have; the largest number if there is no limit.
inline size_t cgroup_memory_limit() {
  using namespace memory_available_detail;
  char text[2048];
  read_file("/proc/self/cgroup", text, sizeof text);
  size_t least = ~size_t{0};
  for (const char* line = text; *line != '\0';) {
    const char* end = __builtin_strchr(line, '\n');
    end = end == nullptr ? line + __builtin_strlen(line) : end;
    const size_t limit = limit_of_line(line, end);
    least = limit < least ? limit : least;
    line = *end == '\n' ? end + 1 : end;
  }
  return least;
}

// Bytes; 0 if nobody tells. Cost: a few system calls.
inline size_t memory_available() {
  const int saved_errno = errno;
  struct sysinfo info = {};
  const bool is_known = ::syscall(SYS_sysinfo, &info) == 0;
  errno = saved_errno;
  const size_t ram = is_known ? static_cast<size_t>(info.totalram) * info.mem_unit : ~size_t{0};
  const size_t limit = cgroup_memory_limit();
  const size_t least = ram < limit ? ram : limit;
  return least == ~size_t{0} ? 0 : least;
}

}  // namespace talc
