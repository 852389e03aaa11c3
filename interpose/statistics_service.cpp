// When reports are written, and which. See statistics_service.hpp.
#include "interpose/statistics_service.hpp"

#include <errno.h>
#include <signal.h>

#include <atomic>

#include "interpose/live_page_writer.hpp"
#include "interpose/process.hpp"
#include "interpose/report.hpp"
#include "interpose/report_buffer.hpp"
#include "interpose/report_output.hpp"
#include "talc/base/c_string.hpp"
#include "talc/os/atomic_switch.hpp"
#include "talc/os/background_thread.hpp"
#include "talc/os/pause.hpp"
#include "talc/os/system_call.hpp"

namespace talc::statistics {
namespace {

constinit ReportOutput output;
constinit LivePageWriter page;
constinit bool is_page_to_be_opened = false;
constinit AtomicSwitch is_signalled{false};
constinit std::atomic<unsigned> reports{0};
constinit size_t next_interval_ms = 0;
// While serve is at work, and from the last report on.
constinit AtomicSwitch is_busy{false};

constexpr unsigned kPatienceMs = 1000;
constexpr unsigned kTickMs = 250;

const Options& options() { return process_options(); }

bool has_last_report() { return options().stats != StatsFormat::kNone; }
// Any report, or the page: else nothing here is touched, in most processes.
bool is_wanted() { return has_last_report() || wants_service(); }

void write_report(StatsFormat format, Reason reason) {
  ReportBuffer buffer;
  if (!buffer) {
    return;
  }
  take_snapshot(buffer.snapshot(), reason);
  TextWriter out(buffer.text(), ReportBuffer::kTextBytes);
  print_report(out, format, {output.program(), sys::getpid(), kLibraryName, options()},
               buffer.snapshot());
  output.write(out.data(), out.size(), 1 + reports.fetch_add(1, std::memory_order_relaxed));
}

void on_signal(int) { is_signalled.store(true, std::memory_order_relaxed); }

// A call that it interrupts goes on.
void install_handler(int number) {
  struct sigaction action = {};
  action.sa_handler = &on_signal;
  action.sa_flags = SA_RESTART;
  sigaction(number, &action, nullptr);
}

// deed(path) for the page's file, of which a failure is told.
template <class Deed>
void with_page_path(Deed deed) {
  char path[Options::kMaxPath];
  const bool fits = output.expand_path(options().watch, 0, path);
  const int error = fits ? deed(path) : ENAMETOOLONG;
  if (error != 0 && error != EBUSY) {
    output.tell_failure("show the statistics in", path, error);
  }
}

// The pattern names a file for each process.
bool has_own_page() {
  const char* const pattern = options().watch;
  return pattern != nullptr && find(pattern, "%p") != nullptr;
}

void show_page() {
  if (is_page_to_be_opened) {
    is_page_to_be_opened = false;
    with_page_path([](const char* path) { return page.open(path, output.program()); });
  }
  if (page.is_open()) {
    // Large for a stack of a thread of ours, and for one thread at a time.
    static constinit ProcessStats stats;
    process_heap().get_stats(stats, TheHeap::Resident::skip);
    const int error = page.show(stats, ProcessMemory::ask_rss());
    if (error != 0) {
      with_page_path([&](const char*) { return error; });
    }
  }
}

void report_interval() {
  const unsigned interval_ms = options().stats_interval_ms;
  const size_t now_ms = Uptime::milliseconds();
  if (interval_ms == 0 || now_ms < next_interval_ms) {
    return;
  }
  write_report(StatsFormat::kJson, Reason::interval);
  // What was missed, while the process was stopped, is not made up for.
  const size_t next_ms = next_interval_ms + interval_ms;
  next_interval_ms = next_ms > now_ms ? next_ms : now_ms + interval_ms;
}

}  // namespace

void begin(const char* argv0) {
  const Options& given = options();
  if (!is_wanted()) {
    return;
  }
  output.prepare(given, argv0);
  next_interval_ms = Uptime::milliseconds() + given.stats_interval_ms;
  is_page_to_be_opened = given.watch != nullptr;
  if (given.stats_signal != 0) {
    install_handler(given.stats_signal);
  }
}

bool wants_service() {
  const Options& given = options();
  return given.stats_interval_ms != 0 || given.stats_signal != 0 || given.watch != nullptr;
}

unsigned serve() {
  if (!wants_service()) {
    return BackgroundThread::kUntilWoken;
  }
  if (is_busy.exchange(true, std::memory_order_acquire)) {
    return kTickMs;
  }
  const int saved_errno = errno;
  show_page();
  report_interval();
  if (is_signalled.exchange(false, std::memory_order_relaxed)) {
    write_report(options().format(), Reason::signal);
  }
  errno = saved_errno;
  is_busy.store(false, std::memory_order_release);
  return kTickMs;
}

void begin_in_child() {
  is_busy.store(false, std::memory_order_relaxed);
  page.leave();
  is_page_to_be_opened = has_own_page();
  is_signalled.store(false, std::memory_order_relaxed);
  next_interval_ms = Uptime::milliseconds() + options().stats_interval_ms;
}

void finish() {
  if (!is_wanted()) {
    return;
  }
  // No other report comes after the last one. A service that hangs is not waited for.
  bool is_alone = !is_busy.exchange(true, std::memory_order_acquire);
  for (unsigned waits = 0; !is_alone && waits < kPatienceMs; ++waits) {
    pause_1_ms();
    is_alone = !is_busy.exchange(true, std::memory_order_acquire);
  }
  if (has_last_report()) {
    write_report(options().stats, Reason::exit);
  }
  if (is_alone && (page.is_open() || is_page_to_be_opened)) {
    show_page();
  }
}

const char* program() { return output.program(); }

}  // namespace talc::statistics
