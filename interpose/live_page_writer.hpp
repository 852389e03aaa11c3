// LivePageWriter: the process's side of the live page (talc/live_page.h).
//
// The file may lie where others can write, so no link is followed, only a regular file is taken, and
// one that a living process shows itself in is left to it. It is mapped, and its descriptor closed:
// programs close what they know nothing of, and the number is somebody else's then. What is behind the mapping
// may go away, so nothing is read there, and written by the kernel only. Used by
// statistics_service.cpp, which owns the one there is.
#pragma once

#include "interpose/snapshot.hpp"
#include "talc/live_page.h"

namespace talc {

class LivePageWriter {
 public:
  // Returns 0, or the error number: EBUSY if another process has it.
  int open(const char* path, const char* program);
  bool is_open() const { return file_ != nullptr; }

  // In the child of a fork: the page is the parent's.
  void leave();

  // Shows these counters. Returns 0, or the error number if the file is not what it was: then the page is
  // left. Requires: is_open. Cost: three system calls.
  int show(const ProcessStats& stats, uint64_t rss);

 private:
  int copy_to_file();

  char* file_ = nullptr;
  talc_live_page page_ = {};  // what the file is to hold; meaningful if it is open
};

}  // namespace talc
