// A process heap with some of everything in it: gdb_test.py stops the program in stop_here and compares
// what talc's commands in gdb say with what is known here. Built for each kind of heap: TEST_HEAP, over
// TEST_KERNEL; the plain one where nobody says.
#include <stddef.h>

#include <thread>

#include "talc/hard/hardened_heap.hpp"
#include "talc/hosted.hpp"

#ifndef TEST_HEAP
#define TEST_HEAP ProcessHeap
#define TEST_KERNEL Pages
#endif

namespace talc {

// The name that the library's has.
constinit TEST_HEAP the_process_heap;

}  // namespace talc

using talc::the_process_heap;

constexpr size_t kSmall = 100;  // of a class of 112 bytes

char* small_live;
char* small_cached;  // in a magazine
char* small_free;    // in its slab
char* small_posted;  // of another arena, in the outbox
char* middle_live;
char* middle_kept;
char* middle_gap;
char* middle_quarantined;  // where there is a quarantine, and this not too large for it
char* huge_live;
char elsewhere;

talc::ProcessStats stats;
talc::Counters counters;
talc::Span span;
talc::Span empty_span;
talc::PageEntry small_entry = talc::PageEntry::small(2, 7);
talc::PageEntry huge_entry;
talc::Slab* slab;
talc::BlockPrefix prefix;
size_t tag;

[[gnu::noinline]] void stop_here() { __asm__ __volatile__("" ::: "memory"); }

namespace {

char* allocate(size_t size) { return static_cast<char*>(the_process_heap.allocate(size, 16)); }

char* allocate_and_release(size_t size) {
  char* const block = allocate(size);
  the_process_heap.release(block);
  return block;
}

}  // namespace

int main() {
  small_cached = allocate(kSmall);
  small_live = allocate(kSmall);
  the_process_heap.release(small_cached);
  slab = static_cast<talc::Slab*>(talc::PageMap<talc::TEST_KERNEL>::get_slab(small_live));
  small_free = slab->base() + (slab->slots() - 1) * slab->slot_bytes();
  std::thread([] { small_posted = allocate(kSmall); }).join();
  the_process_heap.release(small_posted);

  middle_live = allocate(100'000);
  middle_kept = allocate_and_release(50'000);
  middle_gap = allocate_and_release(1'000'000);
  middle_quarantined = allocate_and_release(10'000);
  huge_live = allocate(size_t{8} << 20);

  span = talc::Span(small_live, small_live + 4096);
  huge_entry = talc::PageMap<talc::TEST_KERNEL>::get(huge_live);
  prefix = talc::BlockPrefix::read(middle_live);
  counters.live_allocations = 3;
  counters.live_bytes = 120;
  tag = talc::tag::make(small_live, talc::tag::kGapAbove);
  the_process_heap.get_stats(stats, talc::TEST_HEAP::Resident::skip);
  stop_here();
  return elsewhere;
}
