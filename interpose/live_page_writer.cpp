// Making and writing the live page. See live_page_writer.hpp.
#include "interpose/live_page_writer.hpp"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <atomic>

#include "talc/base/c_string.hpp"
#include "talc/base/memory.hpp"
#include "talc/base/text.hpp"
#include "talc/os/system_call.hpp"
#include "talc/os/uptime.hpp"

namespace talc {
namespace {

static_assert(sizeof(talc_live_page) <= TALC_LIVE_PAGE_BYTES);

// What a counter on the page is: which it is there, and in the statistics.
struct Counter {
  uint64_t talc_live_page::*shown;
  size_t ProcessStats::*value;
};

constexpr Counter kCounters[] = {
    {&talc_live_page::allocations, &ProcessStats::allocations},
    {&talc_live_page::frees, &ProcessStats::frees},
    {&talc_live_page::allocated, &ProcessStats::allocated},
    {&talc_live_page::active, &ProcessStats::active},
    {&talc_live_page::metadata, &ProcessStats::metadata},
    {&talc_live_page::cached, &ProcessStats::cached},
    {&talc_live_page::in_transit, &ProcessStats::in_transit},
    {&talc_live_page::slabs, &ProcessStats::slabs},
    {&talc_live_page::slab_free, &ProcessStats::slab_free},
    {&talc_live_page::mapped, &ProcessStats::mapped},
    {&talc_live_page::retained, &ProcessStats::retained},
    {&talc_live_page::dirty, &ProcessStats::dirty},
    {&talc_live_page::purged, &ProcessStats::purged},
    {&talc_live_page::peak, &ProcessStats::peak},
    {&talc_live_page::heaps, &ProcessStats::heaps},
    {&talc_live_page::huge_bytes, &ProcessStats::huge_bytes},
};

// A page that another process shows itself in, which lives.
bool is_taken(const talc_live_page& page) {
  const auto process = static_cast<pid_t>(page.process);
  return are_equal(page.magic, TALC_LIVE_PAGE_MAGIC, sizeof page.magic) && process > 0 &&
         process != sys::getpid() && (sys::kill(process, 0) == 0 || errno == EPERM);
}

// Returns the mapped file, or null and an error number. `before` is what it held.
char* map_file(int file, talc_live_page& before, int& error) {
  struct stat status;
  if (fstat(file, &status) != 0 || !S_ISREG(status.st_mode)) {
    error = EINVAL;
    return nullptr;
  }
  if (sys::read(file, &before, sizeof before) == sizeof before && is_taken(before)) {
    error = EBUSY;
    return nullptr;
  }
  void* const memory =
      ftruncate(file, TALC_LIVE_PAGE_BYTES) == 0
          ? mmap(nullptr, TALC_LIVE_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0)
          : MAP_FAILED;
  error = memory == MAP_FAILED ? errno : 0;
  return memory == MAP_FAILED ? nullptr : static_cast<char*>(memory);
}

// Copies into memory that a file may no longer be behind, because it was truncated, or because the disk is full:
// then a store is a SIGBUS, but to the kernel it is an error. Returns that, or 0. Where the kernel
// does not let us, a store must do.
int copy_into_file(void* to, const void* from, size_t size_bytes) {
  const ssize_t written = sys::write_own_memory(to, from, size_bytes);
  if (written < 0 && errno != EFAULT) {
    copy_bytes(to, from, size_bytes);
  } else if (written != static_cast<ssize_t>(size_bytes)) {
    return EFAULT;
  }
  return 0;
}

}  // namespace

int LivePageWriter::open(const char* path, const char* program) {
  const int file = sys::open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC, 0600);
  if (file < 0) {
    return errno;
  }
  talc_live_page before = {};
  int error = 0;
  file_ = map_file(file, before, error);
  sys::close(file);
  if (file_ == nullptr) {
    return error;
  }
  page_ = {};
  page_.sequence = before.sequence;
  page_.version = TALC_LIVE_PAGE_VERSION;
  page_.bytes = sizeof page_;
  page_.process = static_cast<uint64_t>(sys::getpid());
  TextWriter(page_.program, sizeof page_.program - 1).text(program);
  __builtin_memcpy(page_.magic, TALC_LIVE_PAGE_MAGIC, sizeof page_.magic);
  return 0;
}

void LivePageWriter::leave() {
  if (file_ != nullptr) {
    sys::munmap(file_, TALC_LIVE_PAGE_BYTES);
    file_ = nullptr;
  }
}

int LivePageWriter::show(const ProcessStats& stats, uint64_t rss) {
  page_.uptime_ms = Uptime::milliseconds();
  for (const Counter& counter : kCounters) {
    page_.*counter.shown = stats.*counter.value;
  }
  page_.resident = rss == ProcessMemory::kUnknown ? 0 : rss;
  page_.arenas = stats.arena_count;
  const int error = copy_to_file();
  if (error != 0) {
    leave();
  }
  return error;
}

// The sequence is odd while the rest is copied.
int LivePageWriter::copy_to_file() {
  constexpr size_t kSequence = offsetof(talc_live_page, sequence);
  page_.sequence |= 1;
  int error = copy_into_file(file_ + kSequence, &page_.sequence, sizeof page_.sequence);
  std::atomic_thread_fence(std::memory_order_seq_cst);
  error = error != 0 ? error : copy_into_file(file_, &page_, sizeof page_);
  std::atomic_thread_fence(std::memory_order_seq_cst);
  page_.sequence += 1;
  return error != 0 ? error
                    : copy_into_file(file_ + kSequence, &page_.sequence, sizeof page_.sequence);
}

}  // namespace talc
