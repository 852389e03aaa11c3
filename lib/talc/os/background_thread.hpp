// BackgroundThread: a thread of the library's own, for what must happen while the program sleeps.
//
//     none ──start──> work ──> sleep for as long as work() said ──> work …
//                      ^           ├── until it is woken: wake(), from any thread, at no cost if it
//                      │           │   does not sleep so
//                      └───────────┴── or hurry() calls it before its time
//     it ends when no other thread is left but a main thread that has called pthread_exit: so that the
//     process ends with its last thread, as it would without us. A child of fork has none.
//
// Its stack is small, and no signal reaches it: the program's handlers never run there. Starting one
// allocates a little and takes locks of libc that a thread may hold which is about to free a stack:
// so it is started where a block is allocated, not where one is freed, unless the process has only
// one thread. Used by the process heap for purging, and by interpose/ for reports.
#pragma once

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <time.h>

#include <atomic>

#include "talc/base/c_string.hpp"
#include "talc/base/word.hpp"
#include "talc/os/atomic_switch.hpp"
#include "talc/os/small_file.hpp"
#include "talc/os/system_call.hpp"

namespace talc {

class BackgroundThread {
 public:
  // What work() returns: in how many milliseconds it wants to be called again.
  static constexpr unsigned kUntilWoken = ~0U;
  using Work = unsigned (*)();

  constexpr BackgroundThread() = default;
  BackgroundThread(const BackgroundThread&) = delete;
  BackgroundThread& operator=(const BackgroundThread&) = delete;

  bool is_running() const { return is_running_.load(std::memory_order_relaxed); }

  // Remembers which process this is: a child of vfork, which shares all memory, is another.
  void begin_process() {
    process_.store(sys::getpid(), std::memory_order_relaxed);
    is_running_.store(false, std::memory_order_relaxed);
    has_failed_.store(false, std::memory_order_relaxed);
    state_.store(kAwake, std::memory_order_relaxed);
    thread_ended_.store(false, std::memory_order_relaxed);
  }

  // Whether start may be tried.
  bool may_start() const {
    return !is_running() && !has_failed_.load(std::memory_order_relaxed) &&
           process_.load(std::memory_order_relaxed) == sys::getpid();
  }

  // Ensures: if true, a thread runs and calls work() soon. False: there is one already, or the system
  // refuses, and is not asked again. Requires: no lock of ours is held. Allocates. Leaves errno.
  bool start(Work work) {
    if (is_running_.exchange(true, std::memory_order_acq_rel)) {
      return false;
    }
    const int saved_errno = errno;
    work_ = work;
    const bool has_started = create();
    if (!has_started) {
      has_failed_.store(true, std::memory_order_relaxed);
      is_running_.store(false, std::memory_order_relaxed);
    }
    errno = saved_errno;
    return has_started;
  }

  // Ends a sleep that lasts until then. What the caller has stored before, sequentially consistent,
  // work() sees. Cost: a load, and a system call if the thread sleeps so.
  void wake() {
    if (state_.load(std::memory_order_seq_cst) == kAsleep &&
        state_.exchange(kAwake, std::memory_order_relaxed) == kAsleep) {
      wake_sleeper();
    }
  }

  // Has work() called now, if the thread sleeps. Cost: a load; a system call if it does.
  void hurry() {
    const uint32_t state = state_.load(std::memory_order_relaxed);
    if (state != kAwake && state_.exchange(kAwake, std::memory_order_seq_cst) != kAwake) {
      wake_sleeper();
    }
  }

  // To be called by threads of the program that end.
  void note_thread_end() {
    if (is_running()) {
      thread_ended_.store(true, std::memory_order_seq_cst);
      wake();
    }
  }

 private:
  static constexpr uint32_t kAwake = 0;
  static constexpr uint32_t kAsleep = 1;  // until it is woken
  static constexpr uint32_t kDozing = 2;  // for a while
  static constexpr int kFutexWaitPrivate = 128;
  static constexpr int kFutexWakePrivate = 129;
  // Room for what the program does at exit, should this be its last thread.
  static constexpr size_t kStackBytes = size_t{512} << 10;
  // How often, and how many times, to look whether a thread that ends was the last one.
  static constexpr unsigned kLookEveryMs = 100;
  static constexpr unsigned kLooks = 20;

  bool create() {
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0) {
      return false;
    }
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_t thread{};
    bool has_started = pthread_attr_setstacksize(&attributes, kStackBytes) == 0 &&
                       pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED) == 0 &&
                       pthread_sigmask(SIG_SETMASK, &all, &before) == 0;
    if (has_started) {
      has_started = pthread_create(&thread, &attributes, &run, this) == 0;
      pthread_sigmask(SIG_SETMASK, &before, nullptr);
    }
    pthread_attr_destroy(&attributes);
    return has_started;
  }

  static void* run(void* thread) {
    ::syscall(SYS_prctl, PR_SET_NAME, "talc", 0, 0, 0);
    static_cast<BackgroundThread*>(thread)->run();
    return nullptr;
  }

  void run() {
    unsigned looks_left = 0;
    for (;;) {
      state_.exchange(kAsleep, std::memory_order_seq_cst);
      unsigned ms = work_();
      if (thread_ended_.exchange(false, std::memory_order_relaxed)) {
        looks_left = kLooks;
      }
      if (looks_left != 0) {
        const Others others = look_for_others();
        if (others == Others::none) {
          return;
        }
        looks_left -= others == Others::main ? 1 : 0;
        ms = ms < kLookEveryMs ? ms : kLookEveryMs;
      }
      sleep(ms);
    }
  }

  void wake_sleeper() {
    const int saved_errno = errno;
    ::syscall(SYS_futex, &state_, kFutexWakePrivate, 1, nullptr, nullptr, 0);
    errno = saved_errno;
  }

  void sleep(unsigned ms) {
    if (ms == kUntilWoken) {
      ::syscall(SYS_futex, &state_, kFutexWaitPrivate, kAsleep, nullptr, nullptr, 0);
      return;
    }
    state_.store(kDozing, std::memory_order_relaxed);
    const timespec pause = {static_cast<time_t>(ms / 1000), static_cast<long>(ms % 1000) * 1000000};
    ::syscall(SYS_futex, &state_, kFutexWaitPrivate, kDozing, &pause, nullptr, 0);
  }

  // Which threads there are beside this one: the main thread; others, but the main one has ended; none
  // that has not ended.
  enum class Others { main, some, none };

  // From the state and the number of threads in /proc/self/stat, whose fields follow the last bracket.
  static Others look_for_others() {
    char text[512];
    read_file("/proc/self/stat", text, sizeof text);
    const char* at = find_last(text, ')');
    if (at == nullptr || at[1] != ' ' || at[2] != 'Z') {
      return Others::main;
    }
    constexpr unsigned kThreadsField = 18;  // after the bracket
    for (unsigned field = 0; field < kThreadsField && at != nullptr; ++field) {
      at = find(at + 1, ' ');
    }
    uint64_t threads = 0;
    return at != nullptr && read_decimal(at, threads) && threads <= 2 ? Others::none : Others::some;
  }

  std::atomic<uint32_t> state_{kAwake};
  AtomicSwitch is_running_{false};
  std::atomic<bool> has_failed_{false};
  AtomicSwitch thread_ended_{false};
  std::atomic<int> process_{0};
  Work work_ = nullptr;
};

}  // namespace talc
