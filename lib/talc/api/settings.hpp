// Settings: what may be changed while the process runs. Options and talc_ctl write them, the process
// heap reads them, on slow paths only.
//
// One a process, constants at the start: what holds before any option was read is what holds without
// any. Each is an atomic word, relaxed: a change counts from the next look on.
#pragma once

#include <atomic>

#include "talc/base/word.hpp"

namespace talc {

// Huge pages: where a heap is large and grows; wherever they fit; nowhere in this process.
enum class Thp : unsigned { adaptive, always, never };

// What to do with a pointer that no heap of ours knows.
enum class Foreign : unsigned char { abort, ignore, libc };

struct Settings {
  static constexpr long kNever = -1;
  static constexpr size_t kUnlimited = ~size_t{0};

  // Milliseconds after which memory that nobody uses is the kernel's again; 0: at once; kNever.
  std::atomic<long> purge_delay_ms{1000};
  // Percent of live bytes above which free memory goes back although it was used a moment ago.
  std::atomic<unsigned> dirty_ratio{25};
  // Whether there may be a thread that purges while the program sleeps.
  std::atomic<bool> background_thread{true};
  // Bytes that may be mapped, without what was purged.
  std::atomic<size_t> heap_limit{kUnlimited};
  std::atomic<Thp> thp{Thp::adaptive};
  std::atomic<Foreign> foreign{Foreign::abort};
};

// Begins a page, which start-up writes to: what stands behind it is written, too, and what is in front, mostly
// the empty ThreadCache, is not touched to its end.
alignas(4096) inline constinit Settings settings;

}  // namespace talc
