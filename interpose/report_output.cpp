// Opening and checking what the report is written to. See report_output.hpp.
#include "interpose/report_output.hpp"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "talc/base/text.hpp"

namespace talc {
namespace {

// Above what programs count on or close one by one; lower where the limit on descriptors is.
constexpr int kCopyAtLeast = 200;

void write_all(int descriptor, const char* text, size_t size_bytes) {
  while (size_bytes != 0) {
    const ssize_t written = ::write(descriptor, text, size_bytes);
    if (written < 0 && errno == EINTR) {
      continue;
    }
    if (written <= 0) {
      return;
    }
    text += written;
    size_bytes -= static_cast<size_t>(written);
  }
}

const char* base_name(const char* path) {
  const char* const slash = __builtin_strrchr(path, '/');
  return slash != nullptr ? slash + 1 : path;
}

}  // namespace

void ReportOutput::prepare(const Options& options, const char* argv0) {
  if (argv0 != nullptr) {
    TextWriter out(program_, sizeof program_ - 1);
    out.text(base_name(argv0));
  }
  if (options.stats_file[0] != '\0') {
    pattern_ = options.stats_file;
    if (pattern_[0] != '/' && getcwd(folder_, sizeof folder_) == nullptr) {
      folder_[0] = '\0';
    }
  }
  keep_stderr();
}

void ReportOutput::keep_stderr() {
  struct stat status;
  if (fstat(STDERR_FILENO, &status) != 0) {
    return;
  }
  has_stderr_ = true;
  device_ = status.st_dev;
  inode_ = status.st_ino;
  copy_ = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, kCopyAtLeast);
  if (copy_ < 0) {
    copy_ = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  }
}

// Returns the copy, or standard error itself if that is what lasted; -1 if neither is the file it
// was.
int ReportOutput::find_stderr() const {
  if (!has_stderr_) {
    return -1;
  }
  const int candidates[] = {copy_, STDERR_FILENO};
  for (const int descriptor : candidates) {
    struct stat status;
    if (fstat(descriptor, &status) == 0 && status.st_dev == device_ && status.st_ino == inode_) {
      return descriptor;
    }
  }
  return -1;
}

bool ReportOutput::expand_path(char (&path)[Options::kMaxPath]) const {
  TextWriter out(path, sizeof path - 1);
  if (folder_[0] != '\0') {
    out.text(folder_).character('/');
  }
  for (const char* at = pattern_; *at != '\0'; ++at) {
    if (*at != '%') {
      out.character(*at);
      continue;
    }
    ++at;
    if (*at == 'p') {
      out.decimal(static_cast<uint64_t>(getpid()));
    } else if (*at == 'e') {
      out.text(program_);
    } else {
      out.character(*at);
    }
  }
  path[out.size()] = '\0';
  return !out.is_truncated();
}

// No link is followed and nothing is truncated: the path may lie where others can write.
int ReportOutput::open_file() const {
  char path[Options::kMaxPath];
  errno = ENAMETOOLONG;
  const int file =
      expand_path(path)
          ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC, 0600)
          : -1;
  if (file < 0) {
    const int error = errno;
    char line[512];
    TextWriter out(line, sizeof line - 32);
    out.text("talc: cannot write the statistics to ").text(path);
    TextWriter end(line + out.size(), sizeof line - out.size());
    end.text(": error ").decimal(static_cast<uint64_t>(error)).character('\n');
    write_all(find_stderr(), line, out.size() + end.size());
  }
  return file;
}

void ReportOutput::write(const char* text, size_t size_bytes) const {
  if (pattern_ == nullptr) {
    write_all(find_stderr(), text, size_bytes);
    return;
  }
  const int file = open_file();
  if (file >= 0) {
    write_all(file, text, size_bytes);
    close(file);
  }
}

}  // namespace talc
