// What happens once per process: the heap is defined, fork handlers are registered, options are
// read, and the counters are reported at the end.
//
//   start    constructor, the first to run: the library is linked with -z initfirst, and where
//            that does not count (libtalc.a) it has the first priority. Blocks may have been handed
//            out before; what matters is that no fork comes before the handlers. If options ask
//            for it, a thread begins here that serves the statistics.
//   finish   destructor, not atexit: it runs after the program's own, and in forked children too.
//            _exit, quick_exit, exec and death by a signal end a process without it.
//
// Neither uses stdio; malloc needs neither to have run.
#include "interpose/process.hpp"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "interpose/calls.hpp"
#include "interpose/statistics_service.hpp"
#include "talc/base/version.hpp"
#include "talc/os/atomic_switch.hpp"
#include "talc/os/program_start.hpp"
#include "talc/os/system_call.hpp"

// What a program may define in order to bring options of its own.
extern "C" [[gnu::weak, gnu::visibility("default")]] const char* talc_conf;

namespace talc {

constinit TheHeap the_process_heap;

namespace {

constinit Options options;

void warn(const char* line, size_t size_bytes) { sys::write(STDERR_FILENO, line, size_bytes); }

void warn_sink(void*, const char* text, size_t size_bytes) { warn(text, size_bytes); }

void read_options(const char* const* environment) {
  if (getauxval(AT_SECURE) != 0) {
    options.stats = StatsFormat::kNone;
    return;
  }
  parse_options(environment, &talc_conf != nullptr ? talc_conf : nullptr, options, &warn);
  char line[512];
  TextWriter out(line, TextSink{.write = &warn_sink});
  if (options.verbose) {
    out.text("talc: ").text(kLibraryName).character(' ').text(kVersion).text(", options:");
    print_given_options(options, out);
    out.character('\n');
  }
  if (options.confirm_conf) {
    print_options(options, out);
  }
  out.flush();
  if (options.abort_conf && options.problems != 0) {
    abort();
  }
}

// What the background thread does. Returns when it wants to be called again.
unsigned work_in_background() {
  const unsigned heap_ms = the_process_heap.work_in_background();
  const unsigned service_ms = statistics::serve();
  return heap_ms < service_ms ? heap_ms : service_ms;
}

[[gnu::constructor(101)]] void start(int, char** argv, char** environment) {
  const int saved_errno = errno;
  if (refuse_huge_pages_of_library != nullptr) {
    refuse_huge_pages_of_library();
  } else {
    TheHeap::refuse_huge_tables();
  }
  const ProgramStart program = ProgramStart::from(argv, environment);
  pthread_atfork([] { the_process_heap.before_fork(); },
                 [] { the_process_heap.after_fork_in_parent(); },
                 [] {
                   the_process_heap.after_fork_in_child();
                   statistics::begin_in_child();
                 });
  ThreadExit::begin([](void* cache) { the_process_heap.end_thread(cache); });
  the_process_heap.begin_process(&work_in_background);
  TheHeap::arm_thread();
  read_options(program.environment);
  statistics::begin(program.name);
  if (statistics::wants_service()) {
    the_process_heap.require_background_thread();
  }
  errno = saved_errno;
}

[[gnu::destructor(101)]] void finish() { statistics::finish(); }

}  // namespace

Options& process_options() { return options; }

void calls::tell_out_of_memory() {
  static constinit AtomicSwitch is_told{false};
  if (!options.verbose || is_told.exchange(true, std::memory_order_relaxed)) {
    return;
  }
  const int saved_errno = errno;
  char line[96];
  TextWriter out(line);
  out.text("talc: a request was refused, with ");
  out.decimal(TheHeap::mapped_bytes()).text(" bytes mapped\n");
  warn(out.data(), out.size());
  errno = saved_errno;
}

}  // namespace talc
