// Tests of os/stdio_lock.hpp: it is libc's own lock, it lets go, and fork may take it as well.
#include "talc/os/stdio_lock.hpp"

#include <gtest/gtest.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "support/sanitizers.hpp"

namespace talc {
namespace {

// Opening a stream puts it on the list that the lock guards.
void open_and_close() { fclose(fopen("/dev/null", "r")); }

TEST(StdioLock, KeepsOthersFromOpeningStreamsForAsLong) {
  if (&_IO_list_lock == nullptr) {
    GTEST_SKIP() << "this libc has no such lock";
  }
  StdioLock lock;
  std::atomic<bool> begun{false};
  std::atomic<bool> done{false};
  std::thread opener([&] {
    while (!begun) {
    }
    open_and_close();
    done = true;
  });
  lock.lock();
  begun = true;
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_FALSE(done);
  open_and_close();  // it is recursive
  lock.unlock();
  opener.join();
  EXPECT_TRUE(done);
}

TEST(StdioLock, ForkMayTakeItAgainAndTheChildIsFree) {
  if (kUnderTsan) {
    GTEST_SKIP() << "ThreadSanitizer does not follow a forked process that had threads";
  }
  std::atomic<bool> stop{false};
  std::thread other([&] {
    while (!stop) {
      std::this_thread::yield();
    }
  });
  StdioLock lock;
  lock.lock();
  const pid_t child = fork();
  if (child == 0) {
    alarm(20);
    lock.renew_in_child();
    std::thread(open_and_close).join();
    open_and_close();
    _exit(0);
  }
  lock.unlock();
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  std::thread(open_and_close).join();
  stop = true;
  other.join();
}

TEST(StdioLock, UnlockWithoutLockIsNothing) {
  StdioLock lock;
  lock.unlock();
  lock.renew_in_child();
  std::thread(open_and_close).join();
}

}  // namespace
}  // namespace talc
