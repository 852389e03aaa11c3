// What libtalc.so exports: every function of glibc's malloc family, every operator, the C API;
// nothing else. And in which version.
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <sstream>
#include <string>

#include "subprocess.hpp"

namespace {

using Symbols = std::set<std::string>;

// From the manual's "Replacing malloc", then what glibc exports beside it, then C23's.
const Symbols kMalloc = {"malloc",          "free",
                         "calloc",          "realloc",
                         "aligned_alloc",   "malloc_usable_size",
                         "memalign",        "posix_memalign",
                         "pvalloc",         "valloc",
                         "reallocarray",    "malloc_trim",
                         "mallinfo",        "mallinfo2",
                         "mallopt",         "malloc_stats",
                         "malloc_info",     "cfree",
                         "__libc_malloc",   "__libc_calloc",
                         "__libc_realloc",  "__libc_free",
                         "__libc_memalign", "__libc_valloc",
                         "__libc_pvalloc",  "__posix_memalign",
                         "free_sized",      "free_aligned_sized"};

const Symbols kArenas = {"talc_arena_create",  "talc_arena_malloc", "talc_arena_free",
                         "talc_arena_realloc", "talc_arena_claim",  "talc_arena_check",
                         "talc_arena_counters"};

const Symbols kControl = {
    "talc_set_oom_handler", "talc_set_reserve", "talc_purge",       "talc_ctl",
    "talc_stats_get",       "talc_walk",        "talc_stats_print", "talc_set_abort_handler"};

// The dynamic symbols of a library that `nm` with these options shows, as NAME or NAME@@VERSION.
Symbols versioned_symbols_of(const std::string& library, const char* kind) {
  const auto outcome = subprocess::run({"nm", "-D", kind, "--format=posix", library});
  EXPECT_TRUE(outcome.exited_with(0)) << outcome.describe();
  Symbols symbols;
  std::istringstream lines(outcome.out);
  for (std::string line; std::getline(lines, line);) {
    const size_t end = line.find(' ');
    if (line.substr(end, 3) != " A ") {  // a version itself
      symbols.insert(line.substr(0, end));
    }
  }
  return symbols;
}

Symbols symbols_of(const std::string& library, const char* kind) {
  Symbols symbols;
  for (const std::string& symbol : versioned_symbols_of(library, kind)) {
    symbols.insert(symbol.substr(0, symbol.find('@')));
  }
  return symbols;
}

// operator new and delete, mangled: _Znw, _Zna, _Zdl, _Zda.
Symbols operators_of(const std::string& library) {
  Symbols operators;
  for (const std::string& symbol : symbols_of(library, "--defined-only")) {
    const std::string start = symbol.substr(0, 4);
    if (start == "_Znw" || start == "_Zna" || start == "_Zdl" || start == "_Zda") {
      operators.insert(symbol);
    }
  }
  return operators;
}

std::string path_of(const std::string& library) {
  const auto outcome =
      subprocess::run({"sh", "-c", "ldd \"$0\" | awk '/" + library + "/ { print $3 }'",
                       subprocess::program("misuse")});
  return outcome.out.substr(0, outcome.out.find('\n'));
}

TEST(Exports, AreTheMallocFamilyTheOperatorsAndTheCApi) {
  const Symbols operators = operators_of(path_of("libstdc\\+\\+"));
  EXPECT_EQ(operators.size(), 20U);
  Symbols expected = operators;
  expected.insert(kMalloc.begin(), kMalloc.end());
  expected.insert(kArenas.begin(), kArenas.end());
  expected.insert(kControl.begin(), kControl.end());
  EXPECT_EQ(symbols_of(subprocess::library(), "--defined-only"), expected);
}

// What is hidden in libtalc.so must not be seen in libtalc.a either: names of talc's own could meet
// those of a program that includes its headers.
TEST(Exports, OfTheArchiveAreTheSame) {
  const auto outcome = subprocess::run({"nm", "--defined-only", "--extern-only", "--format=posix",
                                        subprocess::build_folder() + "/libtalc.a"});
  Symbols archived;
  std::istringstream lines(outcome.out);
  for (std::string line; std::getline(lines, line);) {
    const size_t end = line.find(' ');
    if (end != std::string::npos) {  // the object's own name stands alone
      archived.insert(line.substr(0, end));
    }
  }
  EXPECT_EQ(archived, symbols_of(subprocess::library(), "--defined-only"));
}

// A function of glibc's that allocates or frees and that talc lacks would mix two heaps.
TEST(Exports, LackNothingThatGlibcHas) {
  const Symbols talc = symbols_of(subprocess::library(), "--defined-only");
  const Symbols not_of_the_family = {"__libc_mallopt", "__libc_mallinfo", "__libc_freeres"};
  for (const std::string& symbol : symbols_of(path_of("libc\\.so"), "--defined-only")) {
    const bool is_public_name = symbol.find("malloc") == 0 || symbol.find("mallinfo") == 0 ||
                                symbol.find("mallopt") == 0 || symbol.find("memalign") == 0 ||
                                symbol.find("realloc") == 0;
    const bool is_libc_name =
        symbol.find("__libc_") == 0 &&
        (symbol.find("alloc") != std::string::npos ||
         symbol.find("memalign") != std::string::npos || symbol.find("__libc_free") == 0) &&
        symbol.find("alloca") == std::string::npos &&
        symbol.find("_allocate_") == std::string::npos &&
        symbol.find("alloc_buffer") == std::string::npos &&
        symbol != "__libc_reallocarray";  // private to glibc
    if ((is_public_name || is_libc_name) && !not_of_the_family.contains(symbol)) {
      EXPECT_TRUE(talc.contains(symbol)) << symbol;
    }
  }
}

// A malloc with a version would satisfy no program's malloc@GLIBC_2.2.5.
TEST(Exports, HaveAVersionIfTheyAreOfTalcsOwn) {
  for (const std::string& symbol : versioned_symbols_of(subprocess::library(), "--defined-only")) {
    const std::string name = symbol.substr(0, symbol.find('@'));
    const bool is_own = kArenas.contains(name) || kControl.contains(name);
    EXPECT_EQ(symbol, name + (is_own ? "@@TALC_1" : ""));
  }
}

// What allocates before it works (the dynamic linker's functions, stdio, sysconf, destructors of
// thread_local objects), what a thread may be cancelled in, what takes signals or unwinds. fwrite
// is malloc_info's; dlsym is for TALC_FOREIGN=libc, and called when a foreign pointer comes.
const Symbols kUnwelcome = {"write",
                            "open",
                            "open64",
                            "close",
                            "fcntl",
                            "fcntl64",
                            "dlvsym",
                            "dlopen",
                            "dladdr",
                            "dlerror",
                            "fopen",
                            "fopen64",
                            "printf",
                            "fprintf",
                            "snprintf",
                            "puts",
                            "sysconf",
                            "getenv",
                            "get_nprocs",
                            "__tls_get_addr",
                            "__cxa_thread_atexit",
                            "__cxa_atexit",
                            "__cxa_thread_atexit_impl",
                            "atexit",
                            "nanosleep",
                            "clock_nanosleep",
                            "usleep",
                            "sleep",
                            "poll",
                            "select",
                            "sem_wait",
                            "read",
                            "pthread_cond_wait",
                            "signal",
                            "pthread_cond_timedwait",
                            "pthread_testcancel",
                            "sigprocmask",
                            "sigaltstack",
                            "backtrace",
                            "dl_iterate_phdr",
                            "_Unwind_Backtrace"};

TEST(Imports, AreNothingThatAllocatesWaitsToBeCancelledOrTakesSignals) {
  for (const std::string& symbol : symbols_of(subprocess::library(), "--undefined-only")) {
    EXPECT_FALSE(kUnwelcome.contains(symbol)) << symbol;
  }
}

// The C++ runtime is optional, so everything of it must be weak.
TEST(Imports, FromTheCxxRuntimeAreWeak) {
  const auto outcome = subprocess::run({"nm", "-D", "--undefined-only", subprocess::library()});
  std::istringstream lines(outcome.out);
  for (std::string line; std::getline(lines, line);) {
    if (line.find(" U ") != std::string::npos) {
      EXPECT_NE(line.find("@GLIBC_"), std::string::npos) << line;
    }
  }
  const auto needed = subprocess::run({"readelf", "-d", subprocess::library()});
  EXPECT_EQ(needed.out.find("libstdc++"), std::string::npos);
}

}  // namespace
