// The report that a program asks for by a call: malloc_stats, malloc_info, talc_stats_print.
#pragma once

#include <errno.h>

#include "interpose/process.hpp"
#include "interpose/report.hpp"
#include "interpose/report_buffer.hpp"
#include "talc/os/system_call.hpp"

namespace talc {

// Calls write(text, size_bytes) once. False: there is no room for a report, nothing was called.
template <class Write>
bool report_on_demand(StatsFormat format, Write write) {
  ReportBuffer buffer;
  if (!buffer) {
    return false;
  }
  take_snapshot(buffer.snapshot(), Reason::call);
  TextWriter out(buffer.text(), ReportBuffer::kTextBytes);
  print_report(out, format,
               {program_invocation_short_name, sys::getpid(), kLibraryName, process_options()},
               buffer.snapshot());
  write(out.data(), out.size());
  return true;
}

}  // namespace talc
