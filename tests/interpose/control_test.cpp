// talc_ctl, talc_stats_get, talc_purge and the abort handler, preloaded.
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include <algorithm>
#include <new>
#include <thread>
#include <vector>

#include "control.hpp"

namespace {

// The compiler is not to see what is wrong.
void free_number(size_t number) {
  void* volatile block = reinterpret_cast<void*>(number);
  free(block);
}

std::string get(const char* name) {
  char value[100] = {};
  EXPECT_EQ(talc_ctl(name, value, sizeof value, nullptr), 0) << name;
  return value;
}

// Those of a process that was started without options.
TEST(Ctl, SetsWhatMayBeSetAtRunTime) {
  const char* const values[][2] = {{"purge_delay", "500"},        {"purge_delay", "-1"},
                                   {"dirty_ratio", "50"},         {"background_thread", "0"},
                                   {"heap_limit", "34359738368"}, {"thp", "always"},
                                   {"foreign", "ignore"}};
  for (const auto& [name, value] : values) {
    const std::string before = get(name);
    char old[100] = {};
    errno = 77;
    EXPECT_EQ(talc_ctl(name, old, sizeof old, value), 0) << name;
    EXPECT_EQ(errno, 77);
    EXPECT_EQ(old, before);
    EXPECT_EQ(get(name), value);
    EXPECT_EQ(talc_ctl(name, nullptr, 0, before.c_str()), 0) << name;
    EXPECT_EQ(get(name), before);
  }
}

TEST(Ctl, TakesTheValuesThatTheEnvironmentTakes) {
  EXPECT_EQ(talc_ctl("heap_limit", nullptr, 0, "32G"), 0);
  EXPECT_EQ(get("heap_limit"), "34359738368");
  EXPECT_EQ(get_stats().heap_limit, size_t{32} << 30);
  EXPECT_EQ(talc_ctl("heap_limit", nullptr, 0, "none"), 0);
  EXPECT_EQ(get_stats().heap_limit, SIZE_MAX);
}

TEST(Ctl, SaysWhyNot) {
  char value[100] = {};
  errno = 77;
  EXPECT_EQ(talc_ctl("no_such_option", value, sizeof value, nullptr), ENOENT);
  EXPECT_EQ(talc_ctl("", value, sizeof value, "1"), ENOENT);
  EXPECT_EQ(talc_ctl("stats", value, sizeof value, "json"), EPERM);
  EXPECT_STREQ(value, "0");
  EXPECT_EQ(talc_ctl("thp", value, sizeof value, "sometimes"), EINVAL);
  EXPECT_STREQ(value, "adaptive");
  EXPECT_EQ(get("thp"), "adaptive");
  EXPECT_EQ(talc_ctl("thp", value, 4, "never"), ERANGE);
  EXPECT_EQ(talc_ctl("thp", value, 0, "never"), ERANGE);
  EXPECT_EQ(get("thp"), "adaptive");
  EXPECT_EQ(talc_ctl("thp", value, sizeof "adaptive", nullptr), 0);
  EXPECT_EQ(errno, 77);
}

TEST(Ctl, MayBeUsedByManyThreads) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([] {
      for (int round = 0; round < 2000; ++round) {
        char value[20];
        talc_ctl("dirty_ratio", value, sizeof value, round % 2 == 0 ? "25" : "30");
        EXPECT_TRUE(strcmp(value, "25") == 0 || strcmp(value, "30") == 0);
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  talc_ctl("dirty_ratio", nullptr, 0, "25");
}

TEST(Ctl, NeverForbidsHugePagesInTheProcess) {
  EXPECT_EQ(status_of([] {
              talc_ctl("thp", nullptr, 0, "never");
              if (prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) != 1) {
                return 1;
              }
              talc_ctl("thp", nullptr, 0, "always");
              return prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0);
            }),
            0);
}

TEST(Stats, AreThoseOfTheHeap) {
  const talc_stats before = get_stats();
  void* const small = malloc(100);
  void* const huge = malloc(20 * kMiB);
  const talc_stats after = get_stats();
  EXPECT_EQ(after.allocations - after.frees, before.allocations - before.frees + 2);
  EXPECT_GE(after.allocated, before.allocated + 20 * kMiB + 100);
  EXPECT_EQ(after.huge_blocks, before.huge_blocks + 1);
  EXPECT_EQ(after.mapped, after.active + after.metadata + after.retained);
  if (!is_hardened()) {  // its quarantine is the rest
    EXPECT_EQ(after.retained, after.cached + after.in_transit + after.slab_free + after.group_free +
                                  after.gaps + after.kept + after.reserve);
  }
  EXPECT_EQ(after.retained, after.dirty + after.purged);
  EXPECT_EQ(after.system_calls, after.mmap_calls + after.munmap_calls + after.mremap_calls +
                                    after.madvise_calls + after.mprotect_calls +
                                    after.mincore_calls);
  EXPECT_GT(after.mmap_calls, before.mmap_calls);
  EXPECT_GE(after.peak, 20 * kMiB);
  EXPECT_GE(after.arenas, 1U);
  EXPECT_EQ(after.reserve, 0U);
  free(small);
  free(huge);
}

TEST(Stats, FollowTheSizeThatIsKnown) {
  struct {
    talc_stats stats;
    size_t more[2];
  } large;
  memset(&large, 0xFF, sizeof large);
  large.stats.size = sizeof large;
  talc_stats_get(&large.stats);
  EXPECT_EQ(large.more[0], 0U);
  EXPECT_EQ(large.more[1], 0U);
  EXPECT_EQ(large.stats.size, sizeof large);
  talc_stats old;
  memset(&old, 0xFF, sizeof old);
  old.size = offsetof(talc_stats, allocated);
  talc_stats_get(&old);
  EXPECT_EQ(old.allocated, SIZE_MAX);
  EXPECT_NE(old.frees, SIZE_MAX);
}

TEST(Stats, ArePrintedInEachForm) {
  const char* const forms[][2] = {
      {"text", "talc: "}, {"json", "{\"schema\": 1"}, {"prom", "# HELP talc"}, {"xml", "<malloc "}};
  struct Printed {
    char text[1000];
    size_t size;
    int calls;
  };
  for (const auto& [form, start] : forms) {
    Printed printed = {};
    const int result = talc_stats_print(
        [](const char* text, size_t size, void* arg) {
          auto& out = *static_cast<Printed*>(arg);
          memcpy(out.text, text, std::min(size, sizeof out.text - 1));
          out.size = size;
          out.calls += 1;
        },
        &printed, form);
    EXPECT_EQ(result, 0) << form;
    EXPECT_EQ(printed.calls, 1);
    EXPECT_GT(printed.size, 1000U);
    EXPECT_EQ(std::string(printed.text).find(start), 0U) << printed.text;
  }
  for (const char* const form : {"", "0", "yaml"}) {
    EXPECT_EQ(talc_stats_print([](const char*, size_t, void*) { ADD_FAILURE(); }, nullptr, form),
              EINVAL);
  }
}

TEST(Purge, GivesBackWhatNobodyUses) {
  void* blocks[64];
  for (void*& block : blocks) {
    block = malloc(kMiB);
    memset(block, 1, kMiB);
  }
  for (void* const block : blocks) {
    free(block);
  }
  const talc_stats before = get_stats();
  EXPECT_EQ(talc_purge(), 1);
  EXPECT_LT(get_stats().resident, before.resident);
  EXPECT_LT(get_stats().resident, 20 * kMiB);
}

void print_line(const char* line, void* arg) {
  dprintf(STDERR_FILENO, "%s [%s]", static_cast<const char*>(arg), line);
}

TEST(AbortHandler, IsToldTheLine) {
  char name[] = "mine";
  EXPECT_EXIT(
      {
        talc_set_abort_handler(&print_line, name);
        static char memory[64];
        free(memory + 16);
      },
      testing::KilledBySignal(SIGABRT),
      "^talc: invalid pointer: 0x[0-9a-f]+\nmine \\[talc: invalid pointer: 0x[0-9a-f]+\\]$");
}

// Also while an arena is locked.
TEST(AbortHandler, MayEndTheProcessInItsOwnWay) {
  EXPECT_EXIT(
      {
        talc_set_abort_handler([](const char*, void*) { _exit(33); }, nullptr);
        char* const block = static_cast<char*>(malloc(100000));
        memset(block - 8, 0x55, 8);
        free(block);
        talc_purge();
        free(block);
      },
      testing::ExitedWithCode(33), "^talc: ");
  EXPECT_EXIT(
      {
        talc_set_abort_handler([](const char*, void*) { _exit(33); }, nullptr);
        talc_set_abort_handler(nullptr, nullptr);
        free_number(1600);
      },
      testing::KilledBySignal(SIGABRT), "^talc: invalid pointer: 0x640\n$");
}

TEST(AbortHandler, MayBeWrongItself) {
  EXPECT_EXIT(
      {
        talc_set_abort_handler([](const char*, void*) { free_number(3200); }, nullptr);
        free_number(1600);
      },
      testing::KilledBySignal(SIGABRT),
      "^talc: invalid pointer: 0x640\ntalc: invalid pointer: 0xc80\n$");
}

}  // namespace
