// The statistics service: reports at the end, at intervals, for a signal, and the live page.
//
//   start ── begin ──> what the options ask for is prepared; the signal gets its handler
//   four times a second ── serve ──> the page; a report if its time or its signal has come
//   the end ── finish ──> the last report
//
// The handler only sets a flag. serve() is called by the background thread
// (os/background_thread.hpp), and allocates nothing. process.cpp starts all of it.
#pragma once

namespace talc::statistics {

// At the start, when the options are read; `argv0` may be null.
[[gnu::cold]] void begin(const char* argv0);

// Whether anything is to be done while the process runs.
[[gnu::cold]] bool wants_service();

// Does what is due. Returns in how many milliseconds it wants to be called again; the largest number:
// never. Cost: of the live page linear in the number of threads' caches; a report as
// take_snapshot. For one thread at a time.
unsigned serve();

// In the child of a fork, from its handler: what it inherits is the parent's.
void begin_in_child();

// At the end.
[[gnu::cold]] void finish();

// The program's name, without folders; empty before begin.
const char* program();

}  // namespace talc::statistics
