// is_single_threaded(): whether this process has one thread only, so that locks need not be atomic.
//
// As libc's own malloc asks, of the same variable, which says no from the first pthread_create on. A
// weak reference: a libc without it has threads, as far as we know. Used by ArenaLock and StdioLock.
#pragma once

extern "C" {
[[gnu::weak]] extern char __libc_single_threaded;
}

namespace talc {

inline bool is_single_threaded() {
  return &__libc_single_threaded != nullptr && __libc_single_threaded != 0;
}

}  // namespace talc
