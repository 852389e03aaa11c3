// Making and writing the live page. See live_page_writer.hpp.
#include "interpose/live_page_writer.hpp"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>

#include "talc/base/memory.hpp"
#include "talc/base/text.hpp"
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

void store(uint64_t& shown, uint64_t value) { __atomic_store_n(&shown, value, __ATOMIC_RELAXED); }

// A page that another process shows itself in, which lives.
bool is_taken(const talc_live_page& page) {
  const auto process = static_cast<pid_t>(page.process);
  return __builtin_memcmp(page.magic, TALC_LIVE_PAGE_MAGIC, sizeof page.magic) == 0 &&
         process > 0 && process != getpid() && (kill(process, 0) == 0 || errno == EPERM);
}

// Returns the mapped file, or null and an error number.
talc_live_page* map_file(int file, int& error) {
  struct stat status;
  if (fstat(file, &status) != 0 || !S_ISREG(status.st_mode)) {
    error = EINVAL;
    return nullptr;
  }
  void* const memory =
      ftruncate(file, TALC_LIVE_PAGE_BYTES) == 0
          ? mmap(nullptr, TALC_LIVE_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0)
          : MAP_FAILED;
  error = memory == MAP_FAILED ? errno : 0;
  return memory == MAP_FAILED ? nullptr : static_cast<talc_live_page*>(memory);
}

}  // namespace

int LivePageWriter::open(const char* path, const char* program) {
  const int file = ::open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC, 0600);
  if (file < 0) {
    return errno;
  }
  int error = 0;
  talc_live_page* const page = map_file(file, error);
  close(file);
  if (page == nullptr) {
    return error;
  }
  if (is_taken(*page)) {
    munmap(page, TALC_LIVE_PAGE_BYTES);
    return EBUSY;
  }
  page->sequence |= 1;
  std::atomic_thread_fence(std::memory_order_seq_cst);
  page->version = TALC_LIVE_PAGE_VERSION;
  page->bytes = sizeof *page;
  page->process = static_cast<uint64_t>(getpid());
  zero_bytes(page->program, sizeof page->program);
  TextWriter(page->program, sizeof page->program - 1).text(program);
  __builtin_memcpy(page->magic, TALC_LIVE_PAGE_MAGIC, sizeof page->magic);
  page_ = page;
  return 0;
}

void LivePageWriter::leave() {
  if (page_ != nullptr) {
    munmap(page_, TALC_LIVE_PAGE_BYTES);
    page_ = nullptr;
  }
}

void LivePageWriter::show(const ProcessStats& stats, uint64_t rss) {
  const uint64_t sequence = __atomic_load_n(&page_->sequence, __ATOMIC_RELAXED) | 1;
  store(page_->sequence, sequence);
  std::atomic_thread_fence(std::memory_order_release);
  store(page_->uptime_ms, Uptime::milliseconds());
  for (const Counter& counter : kCounters) {
    store(page_->*counter.shown, stats.*counter.value);
  }
  store(page_->resident, rss == ProcessMemory::kUnknown ? 0 : rss);
  store(page_->arenas, stats.arena_count);
  __atomic_store_n(&page_->sequence, sequence + 1, __ATOMIC_RELEASE);
}

}  // namespace talc
