// The kernel's calls by number, with the results and the errno of libc's functions, where these have the name.
//
// Libc's are points where a thread may be cancelled, which malloc and what it calls are not; another library
// may have replaced them; and each is one name more to look up when any process starts.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#include "talc/base/word.hpp"

namespace talc::sys {

inline pid_t getpid() { return static_cast<pid_t>(::syscall(SYS_getpid)); }

inline int kill(pid_t process, int signal) {
  return static_cast<int>(::syscall(SYS_kill, process, signal));
}

// Of any size, where addresses have 32 bits, too.
inline int open(const char* path, int flags, mode_t mode = 0) {
  return static_cast<int>(::syscall(SYS_openat, AT_FDCWD, path, flags | O_LARGEFILE, mode));
}

inline ssize_t read(int file, void* bytes, size_t size_bytes) {
  return ::syscall(SYS_read, file, bytes, size_bytes);
}

inline ssize_t write(int file, const void* bytes, size_t size_bytes) {
  return ::syscall(SYS_write, file, bytes, size_bytes);
}

inline int close(int file) { return static_cast<int>(::syscall(SYS_close, file)); }

// Returns another descriptor of the file, `least` or above, that is closed by exec.
inline int duplicate(int file, int least) {
  return static_cast<int>(::syscall(SYS_fcntl, file, F_DUPFD_CLOEXEC, least));
}

// Writes the path of the working directory, if it has one. Returns whether it has.
inline bool find_working_directory(char* path, size_t capacity) {
  return ::syscall(SYS_getcwd, path, capacity) > 0 && path[0] == '/';
}

inline int munmap(void* base, size_t size_bytes) {
  return static_cast<int>(::syscall(SYS_munmap, base, size_bytes));
}

// Copies into this process's own memory: what a store would be a signal for is an error.
inline ssize_t write_own_memory(void* to, const void* from, size_t size_bytes) {
  const iovec source = {const_cast<void*>(from), size_bytes};
  const iovec target = {to, size_bytes};
  return ::syscall(SYS_process_vm_writev, getpid(), &source, 1UL, &target, 1UL, 0UL);
}

}  // namespace talc::sys
