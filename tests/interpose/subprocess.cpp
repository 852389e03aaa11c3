// Running programs, and where they are. See subprocess.hpp.
#include "subprocess.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>

namespace subprocess {
namespace {

struct Pipe {
  int ends[2] = {-1, -1};
  Pipe() {
    if (pipe2(ends, O_CLOEXEC) != 0) {
      abort();
    }
  }
};

[[noreturn]] void become(const std::vector<std::string>& command, const Conditions& conditions,
                         int out, int err) {
  std::vector<char*> arguments;
  for (const std::string& argument : command) {
    arguments.push_back(const_cast<char*>(argument.c_str()));
  }
  arguments.push_back(nullptr);
  for (const auto& [name, value] : conditions.environment) {
    value.empty() ? unsetenv(name.c_str()) : setenv(name.c_str(), value.c_str(), 1);
  }
  dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
  dup2(out, STDOUT_FILENO);
  dup2(err, STDERR_FILENO);
  for (int descriptor = STDERR_FILENO + 1; descriptor < 1024; ++descriptor) {
    close(descriptor);  // whatever the test's own starter left open
  }
  if (conditions.closed_stderr) {
    close(STDERR_FILENO);
  }
  if (!conditions.folder.empty() && chdir(conditions.folder.c_str()) != 0) {
    _exit(126);
  }
  execvp(arguments[0], arguments.data());
  _exit(127);
}

// Reads both pipes until their writers are gone; false if that takes too long.
bool collect(pollfd (&sources)[2], std::string* (&texts)[2], unsigned seconds) {
  const time_t deadline = time(nullptr) + seconds;
  while (sources[0].fd >= 0 || sources[1].fd >= 0) {
    if (time(nullptr) >= deadline) {
      return false;
    }
    if (poll(sources, 2, 500) <= 0) {
      continue;
    }
    for (int i = 0; i < 2; ++i) {
      char part[4096];
      if (sources[i].fd < 0 || sources[i].revents == 0) {
        continue;
      }
      const ssize_t size = read(sources[i].fd, part, sizeof part);
      if (size > 0) {
        texts[i]->append(part, static_cast<size_t>(size));
      } else {
        close(sources[i].fd);
        sources[i].fd = -1;
      }
    }
  }
  return true;
}

}  // namespace

bool Outcome::exited_with(int code) const {
  return !timed_out && WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == code;
}

bool Outcome::killed_by(int signal) const {
  return !timed_out && WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == signal;
}

std::string Outcome::describe() const {
  std::string how = "exit status " + std::to_string(WEXITSTATUS(wait_status));
  if (timed_out) {
    how = "timed out";
  } else if (WIFSIGNALED(wait_status)) {
    how = std::string("killed by ") + strsignal(WTERMSIG(wait_status));
  }
  return how + "\n--- stdout\n" + out + "--- stderr\n" + err + "---";
}

Outcome run(const std::vector<std::string>& command, const Conditions& conditions) {
  Pipe out;
  Pipe err;
  const pid_t child = fork();
  if (child == 0) {
    become(command, conditions, out.ends[1], err.ends[1]);
  }
  close(out.ends[1]);
  close(err.ends[1]);

  Outcome outcome;
  pollfd sources[2] = {{out.ends[0], POLLIN, 0}, {err.ends[0], POLLIN, 0}};
  std::string* texts[2] = {&outcome.out, &outcome.err};
  outcome.timed_out = !collect(sources, texts, conditions.seconds);
  if (outcome.timed_out) {
    kill(child, SIGKILL);
  }
  waitpid(child, &outcome.wait_status, 0);
  return outcome;
}

Outcome run_under_talc(const std::vector<std::string>& command, Conditions conditions) {
  conditions.environment["LD_PRELOAD"] = library();
  return run(command, conditions);
}

// The tests are run from <build>/tests/interpose.
std::string build_folder() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path().parent_path().parent_path();
}

// The compiler was told this file's path, absolute or as seen from the build folder.
std::string source_folder() {
  const auto file = std::filesystem::path(build_folder()) / __FILE__;
  return file.lexically_normal().parent_path().parent_path().parent_path();
}

std::string program(const std::string& name) { return build_folder() + "/tests/interpose/" + name; }

std::string library() { return build_folder() + "/libtalc.so"; }

std::string hardened_library() { return build_folder() + "/libtalc-hardened.so"; }

}  // namespace subprocess
