// HeapPlacement: where a new heap should begin, so that it can grow in place for long.
//
//   0           1/4       3/8                                  5/8       2/3        1  of the address space
//   | program   |<-start->| near: 64 GiB | slot | slot | …     |         | program, libraries, stack
//                         |0|32|16|48|8| … each new heap halfway between those that there are
//
// The first 64 heaps are near one another, where the page map answers fastest (page_map.hpp), each
// as far from the others as it can be; the ones after them further away. Nothing is reserved: an
// address is only proposed to mmap, so no limit on addresses is touched, and where it is taken, or
// beyond what the processor has (39 bits, 32 bits), the kernel chooses another. The start is random,
// from the 16 bytes that the kernel gives each process. docs/decisions/0001 has the reasons. Called
// by MapOnOom for each new heap.
#pragma once

#include <sys/auxv.h>

#include <atomic>

#include "talc/base/bits.hpp"
#include "talc/base/memory.hpp"
#include "talc/base/scatter.hpp"
#include "talc/base/word.hpp"
#include "talc/os/thread_sanitizer.hpp"

namespace talc {

class HeapPlacement {
 public:
  static constexpr unsigned kNearSlots = 64;
  static constexpr unsigned kFarSlots = 128;
  static constexpr unsigned kSlots = kNearSlots + kFarSlots;
  static constexpr size_t kNearBytes =
      kWordBits == 64 ? size_t{64} << 30 % kWordBits : size_t{512} << 20;

  // Where the near slots begin; null if no proposal makes sense. Always the same in a process.
  static char* start() {
    size_t start = start_.load(std::memory_order_relaxed);
    if (start == 0) [[unlikely]] {
      start = choose_start();
      start_.store(start, std::memory_order_relaxed);
    }
    return start == kNowhere ? nullptr : reinterpret_cast<char*>(start);
  }

  // The address to propose for the next heap; null if no proposal makes sense.
  // Whoever got no memory there, nor anywhere, returns it.
  static char* next() {
    char* const first = start();
    if (first == nullptr) {
      return nullptr;
    }
    const unsigned slot = slot_.fetch_add(1, std::memory_order_relaxed) % kSlots;
    return first + (slot < kNearSlots ? near_offset(slot) : far_offset(slot - kNearSlots));
  }

  static void return_last() { slot_.fetch_sub(1, std::memory_order_relaxed); }

 private:
  static constexpr size_t kNowhere = 1;
  // Starts are multiples of this: where the kernel has huge pages, they can be used from the start
  // on.
  static constexpr size_t kStartAlign = size_t{2} << 20;

  // The bits of the slot's number the other way round.
  static size_t near_offset(unsigned slot) {
    size_t offset = 0;
    for (size_t part = kNearBytes / 2; slot != 0; slot /= 2, part /= 2) {
      offset += slot % 2 * part;
    }
    return offset;
  }
  static size_t far_offset(unsigned slot) {
    return kNearBytes + slot * ((quarter_bytes() - kNearBytes) / kFarSlots);
  }

  // The kernel's random bytes lie at the top of the initial stack, which is the top of the address
  // space: the next lower power of two is at least half of it. (All of it need not fit into a word.)
  static const char* random_bytes() { return reinterpret_cast<const char*>(getauxval(AT_RANDOM)); }
  static size_t quarter_bytes() {
    return size_t{1} << (floor_log2(address_of(random_bytes())) - 1);
  }

  static size_t choose_start() {
    if (kUnderThreadSanitizer || random_bytes() == nullptr) {
      return kNowhere;
    }
    size_t random = 0;
    copy_bytes(&random, random_bytes(), sizeof random);
    // The same bytes are the stack protector's secret: only a hash of them may show.
    random = scatter(random);
    random ^= random >> (kWordBits / 2);
    random *= static_cast<size_t>(0xD6E8FEB86659FD93U);
    const size_t quarter = quarter_bytes();
    return quarter + align_down((random >> (kWordBits / 4)) % (quarter / 2), kStartAlign);
  }

  static inline constinit std::atomic<size_t> start_{0};
  static inline constinit std::atomic<unsigned> slot_{0};
};

}  // namespace talc
