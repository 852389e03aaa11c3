// Short processes: `true`, started 150 times one after another, as a shell script does.
//
// Follows no published benchmark. The preloaded library is inherited, so that what counts is the dynamic
// linker's work on it, its constructors, and the pages and system calls of its first allocation. One
// thread.
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common.hpp"

namespace {

constexpr uint64_t kProcesses = 150;

// Its exit status.
int run_true() {
  char name[] = "true";
  char* const arguments[] = {name, nullptr};
  pid_t child = 0;
  if (posix_spawnp(&child, name, nullptr, nullptr, arguments, environ) != 0) {
    bench::fail("cannot start `true`");
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) {
      bench::fail("cannot wait for `true`");
    }
  }
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  const bench::Arguments arguments = bench::parse_arguments(argc, argv, 1);
  const uint64_t processes = arguments.scaled(kProcesses);
  for (uint64_t i = 0; i < processes; ++i) {
    if (run_true() != 0) {
      bench::fail("`true` failed");
    }
  }
  bench::print_checksum(processes);
}
