// A program whose kernel refuses what talc asks it for, and which must neither crash nor lose a block:
//
//   refusals only|from|every     the calls of talc are numbered; see Schedule
//   refusals seccomp CALL…       these fail with EPERM, then with ENOMEM, in the whole process
//   refusals no_mappings         there are no more mappings to be had
//   refusals fragment            says how many mappings a fragmenting workload adds
//
// talc makes its calls for memory by `syscall`, which this program defines, to refuse one now and then.
// Each run is a child of its own. Exits with 0 if all is well.
#include <dlfcn.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>

#include "support/held_blocks.hpp"
#include "support/proc_maps.hpp"
#include "support/schedule.hpp"
#include "support/workloads.hpp"

namespace {

using talc::Schedule;

Schedule schedule;
std::atomic<int> calls;
std::atomic<int>* refusals;  // shared with the children
long (*libc_syscall)(long, ...);

bool is_memory_call(long number) {
  return number == SYS_mmap || number == SYS_munmap || number == SYS_mremap ||
         number == SYS_madvise || number == SYS_mprotect || number == SYS_mincore;
}

#define REQUIRE(condition)                                               \
  do {                                                                   \
    if (!(condition)) {                                                  \
      dprintf(STDERR_FILENO, "line %d: not %s\n", __LINE__, #condition); \
      _exit(1);                                                          \
    }                                                                    \
  } while (0)

struct CMalloc {
  static void* checked(void* block) {
    REQUIRE(block != nullptr || errno == ENOMEM);
    return block;
  }
  void* allocate(size_t size, size_t align) {
    errno = 0;
    return checked(align <= 16 ? malloc(size) : memalign(align, size));
  }
  void* allocate_zeroed(size_t size, size_t) {
    errno = 0;
    return checked(calloc(1, size));
  }
  void* reallocate(void* block, size_t size) {
    errno = 0;
    return checked(realloc(block, size));
  }
  void release(void* block) {
    errno = 77;
    free(block);
    REQUIRE(errno == 77);
  }
};

using Blocks = talc::HeldBlocks<CMalloc>;
CMalloc source;

void* work(void* blocks) {
  talc::do_all_there_is(*static_cast<Blocks*>(blocks), [] { malloc_trim(0); });
  return nullptr;
}

// Returns how often there was no memory.
size_t live_once(unsigned thread_count) {
  Blocks mine(source, 1);
  Blocks others(source, 2);
  pthread_t other;
  const bool has_other = thread_count > 1 && pthread_create(&other, nullptr, work, &others) == 0;
  work(&mine);
  if (has_other) {
    pthread_join(other, nullptr);
  }
  others.drop_all();
  mine.drop_all();
  REQUIRE(mine.is_right() && others.is_right());
  return mine.nulls() + others.nulls();
}

// Huge blocks are gone, no lock is held, and memory can be had as before.
void expect_health() {
  malloc_trim(0);
  REQUIRE(mallinfo2().hblks == 0);
  const pid_t child = fork();  // takes every lock there is
  if (child == 0) {
    for (const size_t size : {size_t{100}, size_t{100000}, size_t{10000000}}) {
      free(malloc(size));
    }
    _exit(0);
  }
  int status = -1;
  waitpid(child, &status, 0);
  REQUIRE(status == 0);
  REQUIRE(live_once(1) == 0);
}

template <class Body>
void in_child(const char* what, int number, Body body) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(300);  // a deadlock; less is not enough where others have the processors
    body();
    _exit(0);
  }
  int status = -1;
  waitpid(child, &status, 0);
  if (status != 0) {
    dprintf(STDERR_FILENO, "%s %d: wait status %d\n", what, number, status);
    _exit(1);
  }
}

// ---- by number ----

Schedule::Which which_of(const char* name) {
  return strcmp(name, "only") == 0   ? Schedule::Which::only
         : strcmp(name, "from") == 0 ? Schedule::Which::from
                                     : Schedule::Which::every;
}

// A sample of the numbers, another one each time.
int refuse_in_turn(const char* name) {
  constexpr int kStep = 7;
  const Schedule::Which which = which_of(name);
  const int most = which == Schedule::Which::every ? 50 : 100000;
  int unreached = 0;
  for (int number = getpid() % kStep + 1; unreached < 2 && number < most; number += kStep) {
    *refusals = 0;
    in_child(name, number, [=] {
      calls = 0;
      schedule = {which, number};
      live_once(number % 2 == 0 ? 2 : 1);
      schedule = {};
      expect_health();
    });
    unreached = *refusals == 0 ? unreached + 1 : 0;
  }
  return 0;
}

// ---- by name ----

int number_of(const char* name) {
  const struct {
    const char* name;
    int number;
  } known[] = {{"mmap", SYS_mmap},
               {"munmap", SYS_munmap},
               {"mremap", SYS_mremap},
               {"madvise", SYS_madvise},
               {"mincore", SYS_mincore},
               {"mprotect", SYS_mprotect},
               {"sched_getaffinity", SYS_sched_getaffinity}};
  for (const auto& call : known) {
    if (strcmp(call.name, name) == 0) {
      return call.number;
    }
  }
  dprintf(STDERR_FILENO, "%s is not known\n", name);
  _exit(1);
}

void refuse_by_filter(char** names, unsigned error) {
  sock_filter program[32] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
  unsigned short length = 1;
  for (; *names != nullptr; ++names) {
    program[length++] =
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(number_of(*names)), 0, 1);
    program[length++] = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error);
  }
  program[length++] = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  const sock_fprog filter = {length, program};
  REQUIRE(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  REQUIRE(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0);
}

int refuse_named(char** names) {
  for (const int error : {EPERM, ENOMEM}) {
    in_child(*names, error, [=] {
      live_once(1);
      refuse_by_filter(names, static_cast<unsigned>(error));
      live_once(2);
      malloc_stats();
      live_once(1);
    });
  }
  return 0;
}

// ---- without mappings ----

int do_without_mappings() {
  in_child("no_mappings", 0, [] {
    live_once(2);
    // Neighbours of different protection can't be merged into one mapping.
    const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    const size_t count = 200000;
    char* const reserve = static_cast<char*>(
        mmap(nullptr, count * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    REQUIRE(reserve != MAP_FAILED);
    size_t used = 0;
    while (used < count && mprotect(reserve + used * page, page, PROT_READ) == 0) {
      used += 2;
    }
    REQUIRE(used < count);  // else the kernel has no limit
    live_once(2);
    malloc_trim(0);
    live_once(1);
    munmap(reserve, count * page);
    expect_health();
  });
  return 0;
}

int fragment() {
  Blocks blocks(source, 3);
  const size_t before = talc::count_mappings();
  size_t most = 0;
  for (size_t round = 0; round < 30; ++round) {
    for (size_t i = 0; i < 500; ++i) {
      const size_t size = (i * 7919 + round * 104729) % (size_t{1} << (4 + i % 17)) + 1;
      blocks.take(size);
    }
    for (size_t i = 0; i < 4; ++i) {
      blocks.take((5 + i + round % 7) << 20);
    }
    most = talc::count_mappings() > most ? talc::count_mappings() : most;
    blocks.drop_each(2 + round % 3);
    most = talc::count_mappings() > most ? talc::count_mappings() : most;
  }
  const size_t huge = mallinfo2().hblks;
  REQUIRE(blocks.is_right() && blocks.nulls() == 0);
  printf("%zu mappings more, %zu huge blocks\n", most - before, huge);
  blocks.drop_all();
  malloc_trim(0);
  printf("%zu mappings more at the end\n", talc::count_mappings() - before);
  return 0;
}

}  // namespace

// What talc asks for before main is granted.
extern "C" long syscall(long number, ...) {
  va_list list;
  va_start(list, number);
  long a[6];
  for (long& argument : a) {
    argument = va_arg(list, long);
  }
  va_end(list);
  if (is_memory_call(number) && schedule.refuses(calls++)) {
    *refusals += 1;
    errno = ENOMEM;
    return -1;
  }
  if (libc_syscall != nullptr) {
    return libc_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
  }
  void* const start = reinterpret_cast<void*>(a[0]);
  const auto size = static_cast<size_t>(a[1]);
  switch (number) {
    case SYS_mmap:
      return reinterpret_cast<long>(mmap(start, size, static_cast<int>(a[2]),
                                         static_cast<int>(a[3]), static_cast<int>(a[4]), a[5]));
    case SYS_madvise:
      return madvise(start, size, static_cast<int>(a[2]));
    default:
      errno = ENOSYS;
      return -1;
  }
}

int main(int count, char** arguments) {
  libc_syscall = reinterpret_cast<long (*)(long, ...)>(dlsym(RTLD_NEXT, "syscall"));
  refusals = static_cast<std::atomic<int>*>(
      mmap(nullptr, sizeof *refusals, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  REQUIRE(count > 1 && libc_syscall != nullptr && refusals != MAP_FAILED);
  const char* const what = arguments[1];
  return strcmp(what, "seccomp") == 0       ? refuse_named(arguments + 2)
         : strcmp(what, "no_mappings") == 0 ? do_without_mappings()
         : strcmp(what, "fragment") == 0    ? fragment()
                                            : refuse_in_turn(what);
}
