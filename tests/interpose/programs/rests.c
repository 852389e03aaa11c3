/* Does nothing for 0.7 seconds, and by one system call that talc makes as well: for
   system_calls_test.cpp. */
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int main(void) {
  const struct timespec duration = {0, 700000000};
  return syscall(SYS_nanosleep, &duration, NULL) == 0 ? 0 : 1;
}
