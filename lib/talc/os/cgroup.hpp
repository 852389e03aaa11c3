// Cgroup: a control group that bounds this process's memory; of these there is a chain, from its own
// group up to the root, and each of them may set a limit.
//
//   /proc/self/cgroup   0::/a/b         version 2    /sys/fs/cgroup/a/b, /sys/fs/cgroup/a, …
//                       4:memory:/a/b   version 1    /sys/fs/cgroup/memory/a/b, …
//
// Where a container sees only its part of the tree, the names at the lower end lead nowhere, and the
// mount itself is the container's group: so names that lead nowhere are passed over. Groups mounted
// elsewhere are not looked for. `root` stands before every path: a test's own tree. Used by
// memory_available.hpp and memory_pressure.hpp.
#pragma once

#include "talc/base/c_string.hpp"
#include "talc/os/kernel_file.hpp"

namespace talc {

class Cgroup {
 public:
  static constexpr size_t kUnlimited = ~size_t{0};

  // f(const Cgroup&) for each group of the chain, lowest first; of both versions where both are in use.
  // Cost: three system calls for /proc/self/cgroup.
  template <class F>
  static void for_each(const char* root, F f) {
    Path path;
    path.append(root).append("/proc/self/cgroup");
    const KernelFile groups(path.text);
    for (const char* line = groups.text(); line != nullptr; line = KernelFile::next_line(line)) {
      const Files* const files = files_of(line);
      if (files != nullptr) {
        climb(*files, root, name_of(line), f);
      }
    }
  }

  // The most bytes that its processes may have together; kUnlimited if it does not say. Cost: three
  // system calls; one where the name leads nowhere.
  size_t limit() const { return number_at(file(files_.limit).text(), kUnlimited); }

  // From here on the kernel takes memory from its processes; kUnlimited if it does not say.
  size_t high() const {
    return files_.high == nullptr ? kUnlimited : number_at(file(files_.high).text(), kUnlimited);
  }

  // The bytes that they have, without copies of files that nobody has used for a while: the kernel
  // drops those first. 0 if it does not say. Cost: three system calls; six above `near`.
  size_t used(size_t near) const {
    const size_t all = number_at(file(files_.used).text(), 0);
    if (all <= near) {
      return all;
    }
    const size_t idle_files = number_at(file("memory.stat").after(files_.idle_files), 0);
    return idle_files < all ? all - idle_files : 0;
  }

 private:
  // A path, which is cut off where it becomes too long: then it leads nowhere.
  struct Path {
    char text[1024] = {};
    size_t size = 0;

    Path& append(const char* more) {
      for (; *more != '\0' && *more != '\n' && size + 1 < sizeof text; ++more) {
        text[size++] = *more;
      }
      text[size] = '\0';
      return *this;
    }
    void cut(size_t new_size) { text[size = new_size] = '\0'; }
  };

  // What the two versions call things.
  struct Files {
    const char* mount;
    const char* limit;
    const char* high;
    const char* used;
    const char* idle_files;
  };
  static constexpr Files kVersion1 = {"/sys/fs/cgroup/memory", "memory.limit_in_bytes", nullptr,
                                      "memory.usage_in_bytes", "total_inactive_file "};
  static constexpr Files kVersion2 = {"/sys/fs/cgroup", "memory.max", "memory.high",
                                      "memory.current", "inactive_file "};

  Cgroup(const Files& files, Path& folder) : files_(files), folder_(folder) {}

  // A line is "number:controllers:name". Null: it is not about memory.
  static const Files* files_of(const char* line) {
    const char* at = find(line, ':');
    if (at == nullptr) {
      return nullptr;
    }
    ++at;
    if (*at == ':') {
      return &kVersion2;
    }
    for (const char* word = at; *at != '\0' && *at != '\n'; ++at) {
      if (*at == ',' || *at == ':') {
        if (at - word == 6 && begins_with(word, "memory")) {
          return &kVersion1;
        }
        if (*at == ':') {
          break;
        }
        word = at + 1;
      }
    }
    return nullptr;
  }
  // Requires: files_of(line).
  static const char* name_of(const char* line) { return find(find(line, ':') + 1, ':') + 1; }

  template <class F>
  static void climb(const Files& files, const char* root, const char* name, F& f) {
    Path folder;
    folder.append(root).append(files.mount);
    const size_t mount_size = folder.size;
    // A group outside of what this process may see, "/../…", is told by the mount alone.
    if (!begins_with(name, "/..")) {
      folder.append(name);
    }
    for (;;) {
      const Cgroup group(files, folder);
      f(group);
      if (folder.size <= mount_size) {
        return;
      }
      size_t size = folder.size - 1;
      while (size > mount_size && folder.text[size] != '/') {
        --size;
      }
      folder.cut(size);
    }
  }

  KernelFile file(const char* name) const {
    const size_t size = folder_.size;
    folder_.append("/").append(name);
    KernelFile contents(folder_.text);
    folder_.cut(size);
    return contents;
  }

  const Files& files_;
  Path& folder_;
};

}  // namespace talc
