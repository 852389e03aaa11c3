// Where reports go: a copy of standard error made at the start, another descriptor, or a file.
//
// Programs close their standard streams before they end, or point them elsewhere; some close every
// descriptor they know nothing of. So the descriptor is duplicated at the start, out of the way
// of small numbers and not inherited by what is executed, and whatever has that number later is
// written to only if it is still the same file. statistics_service.cpp owns the one there is.
#pragma once

#include <sys/types.h>

#include "interpose/options.hpp"
#include "talc/base/text.hpp"

namespace talc {

// A descriptor of the program's that we want to write to later.
class KeptDescriptor {
 public:
  // Keeps a copy of it, if it is open.
  void keep(int descriptor);
  // Returns the copy, or the descriptor itself if that is what lasted; -1 if neither is the file that
  // it was.
  int find() const;

 private:
  bool is_kept_ = false;
  int original_ = 0;  // this and the others are meaningful if is_kept_
  int copy_ = 0;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

class ReportOutput {
 public:
  static constexpr size_t kMaxProgram = 64;

  // Called once, at the start and only if there will be a report; `argv0` may be null.
  void prepare(const Options& options, const char* argv0);

  // The program's name, without folders.
  const char* program() const { return program_; }

  // Writes the report, with one write if the system lets it. `number` is how many there were, this one
  // counted. A file that can't be opened is told on standard error.
  void write(const char* text, size_t size_bytes, unsigned number) const;

  // Puts into `path` what a pattern stands for. False: it does not fit.
  bool expand_path(const char* pattern, unsigned number, char (&path)[Options::kMaxPath]) const;

  // "talc: cannot <deed> <path>: error <error>", on standard error.
  void tell_failure(const char* deed, const char* path, int error) const;

 private:
  int open_file(unsigned number) const;

  const char* pattern_ = nullptr;        // null: the descriptor
  char folder_[Options::kMaxPath] = {};  // where the program was started, for a relative pattern
  char program_[kMaxProgram] = {};

  KeptDescriptor stderr_;
  KeptDescriptor descriptor_;  // fd:N
  const char* fd_ = nullptr;   // that option
};

}  // namespace talc
