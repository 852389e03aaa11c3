// ScheduledPages: a kernel whose calls are numbered, and that refuses those a schedule names.
//
// For whole workloads, where any one call may be the one that fails; flaky_pages.hpp is for a test
// that knows which. It also keeps account of the bytes it gave, so that what was lost is seen. Tag
// tells kernels apart, since what is kept for each Kernel type (a page map) is kept for the whole
// process.
#pragma once

#include <atomic>

#include "support/schedule.hpp"
#include "talc/os/pages.hpp"

namespace talc {

template <class Tag>
class ScheduledPages : public Pages {
 public:
  static inline Schedule schedule;
  static inline std::atomic<int> calls = 0;
  static inline std::atomic<int> refusals = 0;
  static inline std::atomic<int> refused_unmaps = 0;
  static inline std::atomic<size_t> given_bytes = 0;

  static char* map(char* hint, size_t size_bytes) {
    char* const memory = is_refused() ? nullptr : Pages::map(hint, size_bytes);
    given_bytes += memory == nullptr ? 0 : size_bytes;
    return memory;
  }
  static bool unmap(Span pages) {
    if (is_refused()) {
      refused_unmaps += 1;
      return false;
    }
    const bool has_unmapped = Pages::unmap(pages);
    given_bytes -= has_unmapped ? pages.size() : 0;
    return has_unmapped;
  }
  static bool resize_in_place(Span pages, size_t new_size_bytes) {
    const bool has_resized = !is_refused() && Pages::resize_in_place(pages, new_size_bytes);
    given_bytes += has_resized ? new_size_bytes - pages.size() : 0;
    return has_resized;
  }
  static char* move(Span pages, size_t new_size_bytes) {
    char* const moved = is_refused() ? nullptr : Pages::move(pages, new_size_bytes);
    given_bytes += moved == nullptr ? 0 : new_size_bytes - pages.size();
    return moved;
  }
  static bool purge(Span pages) { return !is_refused() && Pages::purge(pages); }
  static bool advise_huge(Span pages) { return !is_refused() && Pages::advise_huge(pages); }
  static bool refuse_huge(Span pages) { return !is_refused() && Pages::refuse_huge(pages); }
  static bool populate(Span pages) { return !is_refused() && Pages::populate(pages); }
  static size_t resident_bytes(Span pages) {
    return is_refused() ? 0 : Pages::resident_bytes(pages);
  }

 private:
  static bool is_refused() {
    const bool is_refused = schedule.refuses(calls++);
    refusals += is_refused ? 1 : 0;
    return is_refused;
  }
};

}  // namespace talc
