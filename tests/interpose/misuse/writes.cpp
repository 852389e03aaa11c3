// Writes where a program must not write: beyond the end of a block, or into one that it has freed.
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "misuse.hpp"

namespace misuse {
namespace {

// Writes `count` bytes beyond the end of a block of `size` bytes, and frees it. Each differs from what was
// there: of 256 programs that write a constant one would write what is there already, and harm nothing.
void overflow(size_t size, size_t count) {
  char* const block = static_cast<char*>(hide(malloc(size)));
  void* const neighbour = hide(malloc(size));
  char* const end = static_cast<char*>(hide(block + malloc_usable_size(block)));
  for (size_t i = 0; i < count; ++i) {
    end[i] = static_cast<char>(~end[i]);
  }
  free(announce(block));
  free(neighbour);
}

// Writes into a freed block, and lets so much time pass that it leaves any quarantine.
void write_after_free(size_t size, size_t at) {
  char* const block = static_cast<char*>(announce(malloc(size)));
  free(hide(block));
  static_cast<char*>(hide(block))[at] = 0x41;
  for (int i = 0; i < 100000; ++i) {
    free(hide(malloc(size)));
  }
}

// What a gap of the engine begins with is overwritten; then memory is wanted.
void write_into_a_gap() {
  char* blocks[40];
  for (char*& block : blocks) {
    block = static_cast<char*>(hide(malloc(600000)));
  }
  for (int i = 1; i < 40; i += 2) {
    free(blocks[i]);
  }
  for (int i = 1; i < 40; i += 2) {
    memset(hide(blocks[i] - 8), 0x41, 32);
  }
  announce(nullptr);
  for (int i = 1; i < 40; i += 2) {
    hide(malloc(600000));
  }
}

void realloc_after_overflow() {
  char* const block = static_cast<char*>(hide(malloc(50000)));
  void* const neighbour = hide(malloc(50000));
  memset(block + malloc_usable_size(block), 0x41, 8);
  void* const moved = realloc(announce(block), 300000);
  free(moved);
  free(neighbour);
}

const Misuse misuses[] = {
    {"overflow_by_one", [] { overflow(24, 1); }},
    {"overflow_by_one_of_a_full_slot", [] { overflow(32, 1); }},
    {"overflow_small", [] { overflow(100, 32); }},
    {"overflow_middle", [] { overflow(50000, 16); }},
    {"overflow_middle_by_one", [] { overflow(50000, 1); }},
    {"overflow_huge_by_one", [] { overflow((size_t{8} << 20) + 1, 1); }},
    {"realloc_after_overflow", realloc_after_overflow},
    {"write_after_free_small", [] { write_after_free(100, 0); }},
    {"write_after_free_small_at_its_end", [] { write_after_free(100, 99); }},
    {"write_after_free_page", [] { write_after_free(8000, 4000); }},
    {"write_after_free_middle", [] { write_after_free(12000, 6000); }},
    {"write_into_a_gap", write_into_a_gap},
};

}  // namespace

Table writes() { return {misuses, sizeof misuses / sizeof misuses[0]}; }

}  // namespace misuse
