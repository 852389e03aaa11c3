// BackgroundThread: a thread of the library's, for what must be done while the program sleeps. It calls
// a function four times a second, and is there only if somebody asked for it.
//
//   none ── want ──> wanted ── start_wanted ──> running ── the last thread of all ──> none
//                       ^───────── fork, in the child ────────┘
//
// A new thread costs memory and calls of malloc, so it is not begun in a handler of fork: a child that
// executes something at once needs none. It is begun where a thread of the program asks malloc for
// more than is at hand, and holds no lock of ours; libc's pthread_create holds none while it allocates.
// All signals are blocked in it: those of the program are the program's. A process whose main thread
// has ended by pthread_exit lives for as long as any thread; so this one ends when only the two are
// left. Its stack is small, but libc runs the exit handlers on it then.
#pragma once

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>

#include "talc/os/small_file.hpp"

namespace talc {

class BackgroundThread {
 public:
  using Tick = void (*)();
  static constexpr unsigned kTickMs = 250;

  // From now on there is to be one, that calls `tick`, which must not allocate. Once a process.
  static void want(Tick tick) {
    tick_ = tick;
    process_ = getpid();
    state_.store(State::wanted, std::memory_order_release);
  }

  // For slow paths: whether start_wanted has something to do. Cost: a load.
  static bool is_wanted() { return state_.load(std::memory_order_relaxed) == State::wanted; }

  // Begins it, if it is wanted. Requires: the caller holds no lock. Calls malloc. errno stays.
  [[gnu::cold, gnu::noinline]] static void start_wanted() {
    // A child of vfork has its parent's memory, but is not the one that this is about.
    State wanted = State::wanted;
    if (process_ != getpid() || !state_.compare_exchange_strong(wanted, State::running)) {
      return;
    }
    const int saved_errno = errno;
    if (!create()) {
      state_.store(State::none, std::memory_order_relaxed);
    }
    errno = saved_errno;
  }

  // For fork's handler: the child has only the thread that forked.
  static void begin_in_child() {
    if (state_.load(std::memory_order_relaxed) != State::none) {
      process_ = getpid();
      state_.store(State::wanted, std::memory_order_relaxed);
    }
  }

 private:
  enum class State : unsigned char { none, wanted, running };

  // What its frames need is a few KB; a report's path is 4 KB, and exit handlers may come upon it.
  static constexpr size_t kStackBytes = size_t{256} << 10;

  static bool create() {
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0) {
      return false;
    }
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, kStackBytes);
    // A thread begins with its creator's mask. By raw calls: libc's would let its own signals pass.
    const uint64_t all = ~uint64_t{0};
    uint64_t before = 0;
    ::syscall(SYS_rt_sigprocmask, kSetMask, &all, &before, sizeof all);
    pthread_t thread;
    const bool done = pthread_create(&thread, &attributes, &run, nullptr) == 0;
    ::syscall(SYS_rt_sigprocmask, kSetMask, &before, nullptr, sizeof before);
    pthread_attr_destroy(&attributes);
    return done;
  }

  static void* run(void*) {
    while (!is_last()) {
      tick_();
      const long pause[2] = {0, long{kTickMs} * 1000000};
      ::syscall(SYS_nanosleep, pause, nullptr);
    }
    state_.store(State::none, std::memory_order_relaxed);
    return nullptr;
  }

  // Whether there are only this thread and the main thread, which has ended. Where /proc does not
  // tell, nobody knows.
  //   4711 (name) Z 1 2 3 …: the main thread's state; the 17th number behind it is that of threads
  static bool is_last() {
    char text[512];
    read_file("/proc/self/stat", text, sizeof text);
    const char* at = __builtin_strrchr(text, ')');
    if (at == nullptr || at[1] != ' ' || at[2] != 'Z') {
      return false;
    }
    at += 2;
    for (unsigned i = 0; i < 17 && at != nullptr; ++i) {
      at = __builtin_strchr(at + 1, ' ');
    }
    uint64_t threads = 0;
    return at != nullptr && read_decimal(at + 1, threads) && threads == 2;
  }

  static constexpr int kSetMask = 2;  // the kernel's SIG_SETMASK

  static inline constinit std::atomic<State> state_{State::none};
  static inline constinit Tick tick_ = nullptr;
  static inline constinit pid_t process_ = 0;
};

}  // namespace talc
