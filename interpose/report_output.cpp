// Opening and checking what reports are written to. See report_output.hpp.
#include "interpose/report_output.hpp"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "talc/base/c_string.hpp"
#include "talc/os/system_call.hpp"

namespace talc {
namespace {

// Above what programs count on or close one by one; lower where the limit on descriptors is.
constexpr int kCopyAtLeast = 200;
constexpr char kFd[] = "fd:";
constexpr size_t kFdSize = sizeof kFd - 1;

void write_all(int descriptor, const char* text, size_t size_bytes) {
  while (size_bytes != 0) {
    const ssize_t written = sys::write(descriptor, text, size_bytes);
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
  const char* const slash = find_last(path, '/');
  return slash != nullptr ? slash + 1 : path;
}

bool is_relative(const char* pattern) { return pattern != nullptr && pattern[0] != '/'; }

}  // namespace

void KeptDescriptor::keep(int descriptor) {
  original_ = descriptor;
  struct stat status;
  if (fstat(descriptor, &status) != 0) {
    return;
  }
  is_kept_ = true;
  device_ = status.st_dev;
  inode_ = status.st_ino;
  copy_ = sys::duplicate(descriptor, kCopyAtLeast);
  if (copy_ < 0) {
    copy_ = sys::duplicate(descriptor, STDERR_FILENO + 1);
  }
}

int KeptDescriptor::find() const {
  if (!is_kept_) {
    return -1;
  }
  const int candidates[] = {copy_, original_};
  for (const int descriptor : candidates) {
    struct stat status;
    if (fstat(descriptor, &status) == 0 && status.st_dev == device_ && status.st_ino == inode_) {
      return descriptor;
    }
  }
  return -1;
}

void ReportOutput::prepare(const Options& options, const char* argv0) {
  if (argv0 != nullptr) {
    TextWriter out(program_, sizeof program_ - 1);
    out.text(base_name(argv0));
  }
  stderr_.keep(STDERR_FILENO);
  uint64_t number = 0;
  const char* const file = options.stats_file;
  if (file != nullptr && begins_with(file, kFd) &&
      values::read_number(piece_of(file + kFdSize), INT32_MAX, number)) {
    fd_ = file;
    descriptor_.keep(static_cast<int>(number));
  } else {
    pattern_ = file;
  }
  if ((is_relative(pattern_) || is_relative(options.watch)) &&
      !sys::find_working_directory(folder_, sizeof folder_)) {
    folder_[0] = '\0';
  }
}

bool ReportOutput::expand_path(const char* pattern, unsigned number,
                               char (&path)[Options::kMaxPath]) const {
  TextWriter out(path, sizeof path - 1);
  if (pattern[0] != '/' && folder_[0] != '\0') {
    out.text(folder_).character('/');
  }
  for (const char* at = pattern; *at != '\0'; ++at) {
    if (*at != '%') {
      out.character(*at);
      continue;
    }
    ++at;
    if (*at == 'p') {
      out.decimal(static_cast<uint64_t>(sys::getpid()));
    } else if (*at == 'e') {
      out.text(program_);
    } else if (*at == 'n') {
      out.decimal(number);
    } else {
      out.character(*at);
    }
  }
  path[out.size()] = '\0';
  return !out.is_truncated();
}

void ReportOutput::tell_failure(const char* deed, const char* path, int error) const {
  char line[512];
  TextWriter out(line, sizeof line - 32);
  out.text("talc: cannot ").text(deed).character(' ').text(path);
  TextWriter end(line + out.size(), sizeof line - out.size());
  end.text(": error ").decimal(static_cast<uint64_t>(error)).character('\n');
  write_all(stderr_.find(), line, out.size() + end.size());
}

// No link is followed and nothing is truncated: the path may lie where others can write.
int ReportOutput::open_file(unsigned number) const {
  char path[Options::kMaxPath];
  errno = ENAMETOOLONG;
  const int file =
      expand_path(pattern_, number, path)
          ? sys::open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC, 0600)
          : -1;
  if (file < 0) {
    tell_failure("write the statistics to", path, errno);
  }
  return file;
}

void ReportOutput::write(const char* text, size_t size_bytes, unsigned number) const {
  if (pattern_ == nullptr) {
    const int descriptor = fd_ != nullptr ? descriptor_.find() : stderr_.find();
    write_all(descriptor, text, size_bytes);
    if (descriptor < 0 && fd_ != nullptr) {
      tell_failure("write the statistics to", fd_, EBADF);
    }
    return;
  }
  const int file = open_file(number);
  if (file >= 0) {
    write_all(file, text, size_bytes);
    sys::close(file);
  }
}

}  // namespace talc
