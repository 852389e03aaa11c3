// Tests of api/process_heap.hpp across fork: under load, against stdio, from signal handlers, with
// other libraries' handlers in between, and when a thread can't be waited for.
#include <errno.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include "support/process.hpp"
#include "support/sanitizers.hpp"
#include "support/threads.hpp"

namespace talc {
namespace {

constexpr size_t kMiB = size_t{1} << 20;

ProcessHeap& heap() { return shared_process_heap; }

// What a child does first: middle blocks of every arena that it may reach.
void exercise_little() {
  char* const block = static_cast<char*>(heap().allocate(100, 16));
  block[99] = 'x';
  char* const moved = static_cast<char*>(heap().reallocate(block, 3000));
  if (moved[99] != 'x') {
    _exit(1);
  }
  heap().release(moved);
}

// Uses the heap in every way.
void exercise() {
  char* blocks[50];
  for (size_t i = 0; i < 50; ++i) {
    blocks[i] = static_cast<char*>(heap().allocate(i * i * 10 + 1, 16));
    blocks[i][0] = static_cast<char>(i);
  }
  for (size_t i = 0; i < 50; ++i) {
    blocks[i] = static_cast<char*>(heap().reallocate(blocks[i], i * 100 + 1));
    if (blocks[i][0] != static_cast<char>(i)) {
      _exit(1);
    }
    heap().release(blocks[i]);
  }
  char* huge = static_cast<char*>(heap().allocate(5 * kMiB, 16));
  huge = static_cast<char*>(heap().reallocate(huge, 9 * kMiB));
  heap().release(huge);
}

// Forks; the child uses the heap and must end by itself and well.
void fork_once(void (*use)() = exercise) {
  const pid_t child = fork();
  ASSERT_GE(child, 0) << strerror(errno);
  if (child == 0) {
    alarm(60);
    use();
    _exit(0);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status)) << "signal " << WTERMSIG(status);
  ASSERT_EQ(WEXITSTATUS(status), 0);
}

// Threads that keep the heap busy for as long as this lives.
class Load {
 public:
  template <class Body>
  Load(unsigned count, Body body) {
    for (unsigned i = 0; i < count; ++i) {
      threads_.emplace_back([this, body] {
        while (!stop_) {
          body();
        }
      });
    }
  }
  ~Load() {
    stop_ = true;
    for (std::thread& thread : threads_) {
      thread.join();
    }
  }

 private:
  std::atomic<bool> stop_{false};
  std::vector<std::thread> threads_;
};

class ProcessHeapForkTest : public testing::Test {
 protected:
  void SetUp() override {
    if (kUnderTsan) {
      GTEST_SKIP() << "ThreadSanitizer does not follow a forked process that had threads";
    }
    process_heap();
    alarm(300);  // a deadlock is a failure, not a timeout of the whole run
  }
  void TearDown() override { alarm(0); }
};

constexpr int kForks = kUnderSanitizer ? 100 : 2000;

void use_middle_blocks() {
  void* blocks[20];
  for (size_t i = 0; i < 20; ++i) {
    blocks[i] = heap().allocate(i * 200, 16);
  }
  blocks[7] = heap().reallocate(blocks[7], 100000);
  for (void* const block : blocks) {
    heap().release(block);
  }
}

TEST_F(ProcessHeapForkTest, ThousandsOfTimesUnderLoad) {
  const Load load(1, use_middle_blocks);
  for (int i = 0; i < kForks && !HasFatalFailure(); ++i) {
    fork_once(exercise_little);
  }
}

TEST_F(ProcessHeapForkTest, WithManyThreads) {
  const Load load(6, use_middle_blocks);
  for (int i = 0; i < kForks / 40 && !HasFatalFailure(); ++i) {
    fork_once();
  }
}

// Blocks change hands while the child's memory is copied, page by page.
TEST_F(ProcessHeapForkTest, AChildsThreadsGetBlocksThatNobodyHas) {
  static constexpr size_t kSizes[] = {9000, 20000, 50000, 100000};
  const Load load(2, [] {
    void* blocks[4] = {};
    for (unsigned i = 0; i < 1000; ++i) {
      void*& block = blocks[i / 3 % 4];
      heap().release(block == nullptr ? heap().allocate(48, 16) : block);
      block = block == nullptr ? heap().allocate(kSizes[i % 4], 16) : nullptr;
    }
    for (void* const block : blocks) {
      if (block != nullptr) {
        heap().release(block);
      }
    }
  });
  for (int i = 0; i < kForks / 2 && !HasFatalFailure(); ++i) {
    fork_once([] {
      run_threads(3, [](unsigned) {
        void* blocks[32];
        for (unsigned k = 0; k < 32; ++k) {
          blocks[k] = heap().allocate(kSizes[k % 4], 16);
        }
        for (void* const block : blocks) {
          heap().release(block);
        }
      });
    });
  }
}

TEST_F(ProcessHeapForkTest, FromSeveralThreadsAtOnce) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([] {
      for (int i = 0; i < kForks / 40 && !HasFatalFailure(); ++i) {
        fork_once();
        exercise();
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
}

// One thread holds a stream and wants memory; one holds the list of streams and wants the stream;
// fork wants the list. If fork's handler took the heap's locks first, the circle would be closed.
TEST_F(ProcessHeapForkTest, WhileOthersAreInStdio) {
  FILE* const stream = tmpfile();
  ASSERT_NE(stream, nullptr);
  {
    const Load reader(2, [stream] {
      flockfile(stream);
      use_middle_blocks();
      funlockfile(stream);
    });
    const Load flusher(1, [] { fflush(nullptr); });
    for (int i = 0; i < kForks / 10 && !HasFatalFailure(); ++i) {
      fork_once(exercise_little);
    }
  }
  fclose(stream);
}

std::atomic<int> forks_in_handler{0};

void fork_in_handler(int) {
  const int saved_errno = errno;
  const pid_t child = fork();
  if (child == 0) {
    alarm(60);
    exercise_little();
    _exit(0);
  }
  int status = -1;
  if (child < 0 || waitpid(child, &status, 0) != child || status != 0) {
    _exit(99);
  }
  forks_in_handler += 1;
  errno = saved_errno;
}

// Interrupts this thread at random moments, most of them within the heap.
void fork_from_signals(int forks) {
  forks_in_handler = 0;
  struct sigaction action {};
  action.sa_handler = fork_in_handler;
  action.sa_flags = SA_RESTART;
  sigaction(SIGPROF, &action, nullptr);
  for (int i = 0; i < forks; ++i) {
    const itimerval soon{{0, 0}, {0, 1 + i * 37 % 3000}};
    setitimer(ITIMER_PROF, &soon, nullptr);
    while (forks_in_handler == i) {
      use_middle_blocks();
    }
  }
  signal(SIGPROF, SIG_DFL);
}

TEST_F(ProcessHeapForkTest, FromASignalHandlerThatInterruptedTheHeap) {
  fork_from_signals(kForks / 20);
  exercise();
}

TEST_F(ProcessHeapForkTest, FromASignalHandlerUnderLoad) {
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGPROF);
  pthread_sigmask(SIG_BLOCK, &blocked, nullptr);
  const Load load(2, use_middle_blocks);
  pthread_sigmask(SIG_UNBLOCK, &blocked, nullptr);
  fork_from_signals(kForks / 20);
  exercise();
}

// Fork handlers registered before ours run, in the parent, while the heap is held for the fork.
TEST_F(ProcessHeapForkTest, TheForkerMayAllocateWhileItHoldsEverything) {
  heap().before_fork();
  exercise();
  void* const block = heap().allocate(100, 16);
  heap().after_fork_in_parent();
  heap().release(block);
  exercise();
}

// A thread that a libc lock keeps from finishing must not be stopped by a held heap: it allocates,
// in the end, from an arena that the fork does not hold.
TEST_F(ProcessHeapForkTest, OthersGetMemoryEvenWhileTheHeapIsHeld) {
  void* const mine = heap().allocate(100, 16);
  heap().before_fork();
  std::thread([&] {
    exercise();
    heap().release(mine);
  }).join();
  heap().after_fork_in_parent();
  exercise();
  fork_once();
}

TEST_F(ProcessHeapForkTest, ChildrenOfChildren) {
  const Load load(2, use_middle_blocks);
  const pid_t child = fork();
  if (child == 0) {
    alarm(60);
    for (int i = 0; i < 3; ++i) {
      exercise();
      if (fork() != 0) {
        int status = 0;
        wait(&status);
        _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 2);
      }
    }
    _exit(0);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST_F(ProcessHeapForkTest, TheChildsStatisticsAreItsOwn) {
  void* const block = heap().allocate(1000, 16);
  ProcessStats before;
  heap().get_stats(before);
  const pid_t child = fork();
  if (child == 0) {
    heap().release(block);
    ProcessStats now;
    heap().get_stats(now);
    _exit(now.frees == before.frees + 1 && now.mapped == before.mapped ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  heap().release(block);
}

// Blocks of every class, with contents, given back: what a cache held stays whole.
bool use_every_class() {
  bool is_whole = true;
  for (unsigned size_class = 0; size_class < SizeClasses::kCount; ++size_class) {
    const size_t size = SizeClasses::size_of(size_class);
    std::vector<char*> blocks(20);
    for (char*& block : blocks) {
      block = static_cast<char*>(heap().allocate(size, 16));
      memset(block, static_cast<int>(size_class), size);
    }
    std::sort(blocks.begin(), blocks.end());
    is_whole &= std::unique(blocks.begin(), blocks.end()) == blocks.end();
    for (char* const block : blocks) {
      is_whole &= block[0] == static_cast<char>(size_class) && block[size - 1] == block[0];
      heap().release(block);
    }
  }
  return is_whole;
}

TEST_F(ProcessHeapForkTest, TheChildsThreadsGoOnWithTheCachesOfThoseThatAreGone) {
  std::atomic<bool> may_end{false};
  std::atomic<int> ready{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      use_every_class();
      ready += 1;
      while (!may_end) {
        std::this_thread::yield();
      }
    });
  }
  while (ready < 8) {
    std::this_thread::yield();
  }
  ProcessStats before;
  heap().get_stats(before, ProcessHeap::Resident::skip);
  const pid_t child = fork();
  if (child == 0) {
    std::atomic<bool> is_whole{true};
    for (int round = 0; round < 12; ++round) {
      std::thread([&] { is_whole = is_whole && use_every_class(); }).join();
    }
    ProcessStats now;
    heap().get_stats(now, ProcessHeap::Resident::skip);
    const bool is_balanced = now.allocations - now.frees == before.allocations - before.frees &&
                             now.allocated == before.allocated &&
                             now.mapped == now.active + now.metadata + now.retained;
    _exit((is_whole ? 0 : 1) + (is_balanced ? 0 : 2));
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  may_end = true;
  for (std::thread& thread : threads) {
    thread.join();
  }
}

// Each thread's cache is copied between two of its instructions, which nothing announces on the fast
// paths: what the child's threads take must be whole, wherever it comes from.
TEST_F(ProcessHeapForkTest, TheChildsThreadsFindMiddleBlocksWholeThatWereBeingFreed) {
  constexpr size_t kSize = 9000;
  const Load load(2, [] { heap().release(heap().allocate(kSize, 16)); });
  for (int i = 0; i < kForks / 4 && !HasFatalFailure(); ++i) {
    fork_once([] {
      for (int round = 0; round < 2; ++round) {
        std::thread([] {
          void* blocks[4];
          for (void*& block : blocks) {
            block = heap().allocate(kSize, 16);
          }
          for (void* const block : blocks) {
            heap().usable_size(block);  // a fault, if it is not live
            heap().release(block);
          }
        }).join();
      }
    });
  }
}

}  // namespace
}  // namespace talc
