// The functions of talc/control.h, whose header says what callers may rely on.
#include "talc/control.h"

#include <errno.h>

#include "interpose/export.hpp"
#include "interpose/growing_struct.hpp"
#include "interpose/options.hpp"
#include "interpose/out_of_memory.hpp"
#include "interpose/report_on_demand.hpp"
#include "talc/base/memory.hpp"
#include "talc/os/fault.hpp"

namespace talc {
namespace {

// Returns whether the value fits, with its NUL.
bool read_option(const Option& option, char* value, size_t size) {
  if (size == 0) {
    return false;
  }
  TextWriter out(value, size - 1);
  option.print(process_options(), out);
  value[out.size()] = '\0';
  return !out.is_truncated();
}

}  // namespace
}  // namespace talc

using talc::Pages;

extern "C" {

TALC_EXPORT void talc_set_oom_handler(talc_oom_handler* handler, void* arg) {
  talc::oom_handler.set({handler, arg});
}

TALC_EXPORT int talc_set_reserve(size_t size) {
  return talc::process_heap().reserve().set(size) ? 0 : -1;
}

TALC_EXPORT int talc_purge() { return talc::purge(0) ? 1 : 0; }

TALC_EXPORT int talc_ctl(const char* name, char* value, size_t size, const char* new_value) {
  const talc::Option* const option = talc::find_option(talc::piece_of(name));
  if (option == nullptr) {
    return ENOENT;
  }
  if (value != nullptr && !talc::read_option(*option, value, size)) {
    return ERANGE;
  }
  if (new_value == nullptr) {
    return 0;
  }
  if (!option->at_run_time) {
    return EPERM;
  }
  const bool is_set = talc::set_option(talc::process_options(), *option, talc::piece_of(new_value),
                                       talc::Origin::call);
  return is_set ? 0 : EINVAL;
}

TALC_EXPORT void talc_stats_get(struct talc_stats* stats) {
  talc::ProcessStats now;
  talc::process_heap().get_stats(now);
  const struct talc_stats known = {
      .size = stats->size,
      .allocations = now.allocations,
      .frees = now.frees,
      .allocated = now.allocated,
      .active = now.active,
      .metadata = now.metadata,
      .cached = now.cached,
      .in_transit = now.in_transit,
      .slabs = now.slabs,
      .slab_free = now.slab_free,
      .group_free = now.group_free,
      .gaps = now.gaps,
      .kept = now.kept,
      .reserve = now.reserve,
      .resident = now.resident,
      .mapped = now.mapped,
      .retained = now.retained,
      .dirty = now.dirty,
      .purged = now.purged,
      .peak = now.peak,
      .peak_uptime_ms = now.peak_uptime_ms,
      .heap_limit = talc::settings.heap_limit.load(std::memory_order_relaxed),
      .heaps = now.heaps,
      .fragments = now.fragments,
      .mappings = now.mappings,
      .arenas = now.arena_count,
      .huge_blocks = now.huge_blocks,
      .huge_bytes = now.huge_bytes,
      .advised = Pages::advised_bytes(),
      .system_calls = Pages::system_calls(),
      .mmap_calls = Pages::system_calls(Pages::Call::mmap),
      .munmap_calls = Pages::system_calls(Pages::Call::munmap),
      .mremap_calls = Pages::system_calls(Pages::Call::mremap),
      .madvise_calls = Pages::system_calls(Pages::Call::madvise),
      .mprotect_calls = Pages::system_calls(Pages::Call::mprotect),
      .mincore_calls = Pages::system_calls(Pages::Call::mincore),
  };
  talc::fill_known(stats, known);
}

TALC_EXPORT int talc_stats_print(void (*write)(const char* text, size_t size, void* arg), void* arg,
                                 const char* format) {
  auto chosen = talc::StatsFormat::kNone;
  if (!talc::read_format(talc::piece_of(format), chosen) || chosen == talc::StatsFormat::kNone) {
    return EINVAL;
  }
  const int saved_errno = errno;
  const bool is_printed = talc::report_on_demand(
      chosen, [=](const char* text, size_t size) { write(text, size, arg); });
  errno = saved_errno;
  return is_printed ? 0 : ENOMEM;
}

TALC_EXPORT int talc_walk(talc_visitor* visitor, void* arg) {
  int result = 0;
  const auto end = talc::process_heap().walk([&](talc::WalkedBlock block) {
    result = visitor(block.ptr, block.usable, block.arena, arg);
    return result == 0;
  });
  switch (end) {
    case talc::WalkEnd::all:
    case talc::WalkEnd::stopped:
      return result;
    case talc::WalkEnd::busy:
      errno = EBUSY;
      break;
    case talc::WalkEnd::no_memory:
      errno = ENOMEM;
      break;
  }
  return -1;
}

TALC_EXPORT void talc_set_abort_handler(talc_abort_handler* handler, void* arg) {
  talc::abort_handler.set({handler, arg});
}

}  // extern "C"
