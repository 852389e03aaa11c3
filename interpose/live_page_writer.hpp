// LivePageWriter: the process's side of the live page (talc/live_page.h).
//
// The file may lie where others can write, so no link is followed, only a regular file is taken, and
// one that a living process shows itself in is left to it. It is mapped, and its descriptor closed.
// Used by statistics_service.cpp, which owns the one there is.
#pragma once

#include "interpose/snapshot.hpp"
#include "talc/live_page.h"

namespace talc {

class LivePageWriter {
 public:
  // Returns 0, or the error number: EBUSY if another process has it.
  int open(const char* path, const char* program);
  bool is_open() const { return page_ != nullptr; }

  // In the child of a fork: the page is the parent's.
  void leave();

  // Shows these counters. Cost: a store for each.
  void show(const ProcessStats& stats, uint64_t rss);

 private:
  talc_live_page* page_ = nullptr;
};

}  // namespace talc
