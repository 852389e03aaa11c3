// Purger: when free memory goes back to the kernel, and who sees to it.
//
//     notice: a MiB was freed ──> a thread of ours is there: it is woken, and makes a pass every half of
//                                 the purge delay until two of them have found nothing to do
//                             ──> none is there, and may be: it is started
//                             ──> there can be none: a pass now, if the last one is half a delay ago
//
// A pass (purge_pass.hpp) takes what has been idle since the one before, so memory is back with the
// kernel after one delay at the latest, and what comes and goes faster stays. Once a delay it also
// takes what is not idle, where free memory is more than the dirty ratio allows; while memory is
// short (memory_pressure.hpp) the thread makes one twice a second at least, which takes all. A
// program that churns makes time pass faster: a pass is due early when as much was freed as could
// have served all that is free, and as may be dirty.
//
// A process with several threads gets our thread once 16 MiB are mapped. One that has a single thread
// gets it when 64 MiB are dirty, for it costs such a process something (locks of libc and of C++ become
// atomic, unshare(CLONE_NEWUSER) fails); until then its own calls make the passes, and what it has
// freed before it falls asleep, those 64 MiB at most, stays. docs/decisions/0012 has the reasons.
// Used by BasicProcessHeap.
#pragma once

#include "talc/api/footprint.hpp"
#include "talc/api/purge_notice.hpp"
#include "talc/api/settings.hpp"
#include "talc/os/atomic_switch.hpp"
#include "talc/os/background_thread.hpp"
#include "talc/os/clock.hpp"
#include "talc/os/memory_pressure.hpp"
#include "talc/os/purge_pass.hpp"
#include "talc/os/single_thread.hpp"

namespace talc {

// Passes made, and bytes ever given back by them.
struct PurgeCounts {
  size_t passes = 0;
  size_t bytes = 0;
};

template <class Kernel>
class Purger {
 public:
  static constexpr size_t kThreadMapped = PurgeNotice<Kernel>::kGrownTo;
  static constexpr size_t kThreadDirty = size_t{64} << 20;
  // So much may be dirty whatever the ratio.
  static constexpr size_t kLeastDirty = size_t{16} << 20;

  enum class Caller { allocates, releases };

  constexpr Purger() = default;

  // From now on there may be a thread, which runs `task`.
  void begin_process(BackgroundThread::Work task) {
    work_ = task;
    thread().begin_process();
  }

  // There is to be a thread, here and in children.
  template <class Heap>
  void require_thread(Heap& heap) {
    is_required_ = true;
    obey(heap, Caller::allocates);
  }

  // Obeys a notice. `heap` is asked for passes and for what is dirty. Requires: no lock of ours is held.
  template <class Heap>
  void obey(Heap& heap, Caller caller) {
    PurgeNotice<Kernel>::clear(PurgeNotice<Kernel>::read());
    if (is_required_ && !thread().is_running()) [[unlikely]] {
      start_thread(caller);
    }
    const long delay_ms = settings.purge_delay_ms.load(std::memory_order_relaxed);
    if (delay_ms == Settings::kNever) {
      return;
    }
    if (delay_ms != 0 && has_thread()) {
      if (is_due_early(heap, milliseconds())) {
        thread().hurry();
      }
      return;  // otherwise it was woken when the notice was raised
    }
    if (delay_ms == 0) {
      pass(heap, PurgePass::Takes::all);
    } else if (!wants_thread(heap) || !start_thread(caller)) {
      pass_if_due(heap, delay_ms);
    }
  }

  // What the thread does. Returns when it wants to be called again.
  template <class Heap>
  unsigned work(Heap& heap) {
    const long delay_ms = settings.purge_delay_ms.load(std::memory_order_relaxed);
    if (PurgeNotice<Kernel>::take_news()) {
      quiet_passes_ = 0;
    }
    if (delay_ms <= 0 || !has_thread() || quiet_passes_ > kQuietPasses) {
      return BackgroundThread::kUntilWoken;
    }
    const unsigned half_ms = half_of(delay_ms);
    const uint64_t now_ms = milliseconds();
    const uint64_t due_ms = last_ms_.load(std::memory_order_relaxed) + half_ms;
    const bool is_short = memory_is_short();
    if (now_ms < due_ms && !is_short && !is_due_early(heap, now_ms)) {
      return smaller(due_ms - now_ms, kLookMs);
    }
    const bool was_quiet = (is_short ? pass_now(heap, now_ms) : pass_if_due(heap, delay_ms)) == 0;
    quiet_passes_ = was_quiet ? quiet_passes_ + 1 : 0;
    return quiet_passes_ > kQuietPasses ? BackgroundThread::kUntilWoken : smaller(half_ms, kLookMs);
  }

  PurgeCounts counts() const {
    return {PurgeNotice<Kernel>::passes(), bytes_.load(std::memory_order_relaxed)};
  }

  void begin_in_child() {
    thread().begin_process();
    is_passing_.store(false, std::memory_order_relaxed);
    if (is_required_) {
      PurgeNotice<Kernel>::raise_grown();
    }
  }

 private:
  static BackgroundThread& thread() { return PurgeNotice<Kernel>::thread(); }

  static constexpr unsigned kQuietPasses = 2;
  static constexpr long kLeastHalfMs = 10;
  // So often at least the thread looks whether memory is short, until it rests.
  static constexpr unsigned kLookMs = 500;
  static unsigned smaller(uint64_t ms, unsigned most_ms) {
    return ms < most_ms ? static_cast<unsigned>(ms) : most_ms;
  }

  // Early passes come no closer than that, nor before such a share of what is mapped was freed.
  static constexpr uint64_t kLeastEarlyMs = 50;
  static constexpr size_t kWalkedShare = 16;
  static constexpr unsigned kMostPatience = 2;

  static unsigned half_of(long delay_ms) {
    constexpr long kMostHalfMs = 1000L * 3600 * 24;
    const long half_ms = delay_ms / 2;
    return static_cast<unsigned>(half_ms < kLeastHalfMs  ? kLeastHalfMs
                                 : half_ms > kMostHalfMs ? kMostHalfMs
                                                         : half_ms);
  }

  // A thread that purges: one that is there for statistics only leaves it to the program's calls.
  static bool has_thread() {
    return thread().is_running() && settings.background_thread.load(std::memory_order_relaxed);
  }

  // Some milliseconds off, which matters to nobody here, and without a system call.
  static uint64_t milliseconds() { return clock_milliseconds(CLOCK_MONOTONIC_COARSE); }

  template <class Heap>
  bool wants_thread(Heap& heap) const {
    if (work_ == nullptr || !settings.background_thread.load(std::memory_order_relaxed)) {
      return false;
    }
    return is_single_threaded() ? heap.dirty_bytes_at_most() >= kThreadDirty
                                : Footprint<Kernel>::mapped_bytes() >= kThreadMapped;
  }

  // Where it can't be started the next one who allocates is told to.
  bool start_thread(Caller caller) {
    if (!thread().may_start()) {
      return false;
    }
    if (caller == Caller::releases && !is_single_threaded()) {
      PurgeNotice<Kernel>::raise_grown();
      return false;
    }
    return thread().start(work_);
  }

  // Returns the bytes given back.
  template <class Heap>
  size_t pass_if_due(Heap& heap, long delay_ms) {
    const uint64_t now_ms = milliseconds();
    uint64_t last_ms = last_ms_.load(std::memory_order_relaxed);
    if ((now_ms - last_ms < half_of(delay_ms) && !is_due_early(heap, now_ms)) ||
        !last_ms_.compare_exchange_strong(last_ms, now_ms, std::memory_order_relaxed)) {
      return 0;
    }
    const uint64_t limited_ms = limited_ms_.load(std::memory_order_relaxed);
    const bool is_limit_due = now_ms - limited_ms >= 2 * uint64_t{half_of(delay_ms)};
    limited_ms_.store(is_limit_due ? now_ms : limited_ms, std::memory_order_relaxed);
    return pass(heap, PurgePass::Takes::idle, is_limit_due);
  }

  // Whether so much was freed since the last pass that it is due before its time: as much as may be
  // dirty, so that there is something to gain, and each time twice as much while it proves that there is not;
  // as much as is dirty, so that whatever comes and goes was used again; and a share of what is mapped,
  // so that passes cost little.
  template <class Heap>
  bool is_due_early(Heap& heap, uint64_t now_ms) const {
    const size_t freed_bytes =
        PurgeNotice<Kernel>::freed_bytes() - freed_before_.load(std::memory_order_relaxed);
    if (freed_bytes < kLeastDirty || freed_bytes < due_bytes_.load(std::memory_order_relaxed) ||
        now_ms - last_ms_.load(std::memory_order_relaxed) < kLeastEarlyMs) {
      return false;
    }
    const size_t free_bytes = heap.dirty_bytes_at_most();
    const size_t free_before = free_before_.load(std::memory_order_relaxed);
    const size_t more_bytes = free_bytes < free_before ? 0 : free_bytes - free_before;
    return freed_bytes >= dirty_before_.load(std::memory_order_relaxed) + more_bytes;
  }

  // All that is free: a control group is near its limit.
  template <class Heap>
  size_t pass_now(Heap& heap, uint64_t now_ms) {
    last_ms_.store(now_ms, std::memory_order_relaxed);
    return pass(heap, PurgePass::Takes::all);
  }

  template <class Heap>
  size_t pass(Heap& heap, PurgePass::Takes takes, bool is_limit_due = false) {
    if (is_passing_.exchange(true, std::memory_order_acquire)) {
      return 0;
    }
    freed_before_.store(PurgeNotice<Kernel>::freed_bytes(), std::memory_order_relaxed);
    const size_t number = PurgeNotice<Kernel>::begin_pass();
    PurgePass pass{.takes = takes, .number = static_cast<unsigned>(number)};
    heap.purge(pass);
    if (is_limit_due && pass.dirty_bytes > allowed(pass)) {
      heap.purge_to(allowed(pass), pass);
    }
    remember(heap, pass);
    bytes_.fetch_add(pass.purged_bytes, std::memory_order_relaxed);
    is_passing_.store(false, std::memory_order_release);
    return pass.purged_bytes;
  }

  // What is_due_early compares with.
  template <class Heap>
  void remember(Heap& heap, const PurgePass& pass) {
    const size_t share = Footprint<Kernel>::mapped_bytes() / kWalkedShare;
    const size_t least = allowed(pass) < share ? share : allowed(pass);
    const bool is_worth_it = pass.dirty_bytes + pass.purged_bytes > allowed(pass);
    patience_ = is_worth_it ? 0 : patience_ + (patience_ < kMostPatience ? 1 : 0);
    const bool is_beyond = least > ~size_t{0} >> patience_;
    due_bytes_.store(is_beyond ? ~size_t{0} : least << patience_, std::memory_order_relaxed);
    dirty_before_.store(pass.dirty_bytes, std::memory_order_relaxed);
    free_before_.store(heap.dirty_bytes_at_most(), std::memory_order_relaxed);
  }

  // What may stay dirty though it is not idle.
  static size_t allowed(const PurgePass& pass) {
    const size_t ratio = settings.dirty_ratio.load(std::memory_order_relaxed);
    const size_t share = pass.live_bytes / 100 * ratio;
    return share < kLeastDirty ? kLeastDirty : share;
  }

  std::atomic<uint64_t> last_ms_{0};     // when the last pass began
  std::atomic<uint64_t> limited_ms_{0};  // when one last obeyed the ratio
  // As of the last pass: what was freed ever; what must be, before the next one is due early; what it
  // has left dirty; what was free.
  std::atomic<size_t> freed_before_{0};
  std::atomic<size_t> due_bytes_{0};
  std::atomic<size_t> dirty_before_{0};
  std::atomic<size_t> free_before_{0};
  std::atomic<size_t> bytes_{0};
  unsigned patience_ = 0;  // passes in a row that found less than may be dirty
  AtomicSwitch is_passing_{false};
  bool is_required_ = false;   // a thread
  unsigned quiet_passes_ = 0;  // in a row, since there was news; the thread's
  BackgroundThread::Work work_ = nullptr;
};

}  // namespace talc
