// Taking a snapshot. See snapshot.hpp.
#include "interpose/snapshot.hpp"

#include "interpose/process.hpp"

namespace talc {

void take_snapshot(Snapshot& out, Reason reason) {
  using Call = Pages::Call;
  out.reason = reason;
  out.date_ms = Uptime::date_milliseconds();
  out.uptime_ms = Uptime::milliseconds();
  out.calls = {Pages::system_calls(Call::mmap),     Pages::system_calls(Call::munmap),
               Pages::system_calls(Call::mremap),   Pages::system_calls(Call::madvise),
               Pages::system_calls(Call::mprotect), Pages::system_calls(Call::mincore)};
  process_heap().get_stats(out.stats, TheHeap::Resident::ask, &out.detail);
  out.kernel = ProcessMemory::ask();
  out.advised_bytes = Pages::advised_bytes();
}

}  // namespace talc
