// Where the report at exit goes: a copy of standard error made at the start, or a file.
//
// Programs close their standard streams before they end, or point them elsewhere; some close every
// descriptor they know nothing of. So standard error is duplicated at the start, out of the way
// of small numbers and not inherited by what is executed, and whatever has that number at exit is
// written to only if it is still the same file. process.cpp owns the one there is.
#pragma once

#include <sys/types.h>

#include "interpose/options.hpp"

namespace talc {

class ReportOutput {
 public:
  static constexpr size_t kMaxProgram = 64;

  // Called once, at the start and only if there will be a report; `argv0` may be null.
  void prepare(const Options& options, const char* argv0);

  // The program's name, without folders.
  const char* program() const { return program_; }

  // Writes the report, with one write if the system lets it. A file that can't be opened is told on
  // standard error.
  void write(const char* text, size_t size_bytes) const;

 private:
  void keep_stderr();
  int find_stderr() const;
  int open_file() const;
  bool expand_path(char (&path)[Options::kMaxPath]) const;

  const char* pattern_ = nullptr;        // null: standard error
  char folder_[Options::kMaxPath] = {};  // where the program was started, for a relative pattern
  char program_[kMaxProgram] = {};

  int copy_ = -1;  // of standard error; meaningful if has_stderr_
  bool has_stderr_ = false;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace talc
