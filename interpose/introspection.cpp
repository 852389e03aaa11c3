// What a program may ask malloc about itself, and ask of it: sizes, trimming, reports.
//
// libc's own functions would answer for libc's heap, which nobody uses. So these answer for talc.
// None allocates; malloc_info lets stdio do what it likes. mallinfo.cpp has those that are glibc's alone.
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

#include "interpose/export.hpp"
#include "interpose/foreign.hpp"
#include "interpose/out_of_memory.hpp"
#include "interpose/process.hpp"
#include "interpose/report_on_demand.hpp"
#include "talc/os/system_call.hpp"

extern "C" {

// Constant over the block's life. More than was asked for; all of it may be used.
TALC_EXPORT size_t malloc_usable_size(void* block) noexcept {
  if (block == nullptr) {
    return 0;
  }
  return talc::foreign::is_ours_to_pass(block) ? talc::foreign::usable_size(block)
                                               : talc::process_heap().usable_size(block);
}

TALC_EXPORT int malloc_trim(size_t pad) noexcept { return talc::purge(pad) ? 1 : 0; }

TALC_EXPORT void malloc_stats() noexcept {
  const int saved_errno = errno;
  talc::report_on_demand(talc::StatsFormat::kText, [](const char* text, size_t size_bytes) {
    talc::sys::write(STDERR_FILENO, text, size_bytes);
  });
  errno = saved_errno;
}

TALC_EXPORT int malloc_info(int options, FILE* stream) noexcept {
  if (options != 0) {
    return EINVAL;
  }
  talc::report_on_demand(talc::StatsFormat::kXml, [stream](const char* text, size_t size_bytes) {
    fwrite(text, 1, size_bytes, stream);
  });
  return 0;
}

}  // extern "C"
