// talc/control.h for tests that run with a library of talc's preloaded, and what they share.
#pragma once

#pragma weak talc_set_oom_handler
#pragma weak talc_set_reserve
#pragma weak talc_purge
#pragma weak talc_ctl
#pragma weak talc_stats_get
#pragma weak talc_stats_print
#pragma weak talc_walk
#pragma weak talc_set_abort_handler

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "talc/control.h"

inline constexpr size_t kMiB = size_t{1} << 20;

inline bool is_hardened() {
  const char* const preload = getenv("LD_PRELOAD");
  return preload != nullptr && std::string(preload).find("hardened") != std::string::npos;
}

inline talc_stats get_stats() {
  talc_stats stats;
  stats.size = sizeof stats;
  talc_stats_get(&stats);
  return stats;
}

// From now on the heap may map so many bytes more than it has.
inline void limit_to(size_t more_bytes) {
  talc_purge();
  const talc_stats stats = get_stats();
  const std::string limit = std::to_string(stats.mapped + more_bytes);
  if (talc_ctl("heap_limit", nullptr, 0, limit.c_str()) != 0) {
    _exit(90);
  }
}

// The exit status of a child that runs `body`; above 1000 if a signal ended it.
template <class Body>
int status_of(Body body) {
  const pid_t child = fork();
  if (child == 0) {
    _exit(body());
  }
  int status = -1;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}
