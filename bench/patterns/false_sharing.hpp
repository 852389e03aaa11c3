// The inner loop of cache_scratch and cache_thrash: blocks of eight bytes that are written very often.
#pragma once

#include "common.hpp"

namespace bench {

constexpr size_t kTinyBytes = 8;
constexpr uint64_t kTinyBlocks = 4000;
constexpr uint64_t kWritesPerBlock = 150000;

inline unsigned char* allocate_tiny() {
  void* const ptr = malloc(kTinyBytes);
  if (ptr == nullptr) {
    fail("out of memory");
  }
  return static_cast<unsigned char*>(memset(ptr, 0, kTinyBytes));
}

// `blocks` times: allocate, count up each byte again and again, free. The counting goes through memory,
// so that a cache line which two threads share travels between them.
inline uint64_t write_tiny_blocks(uint64_t blocks) {
  uint64_t sum = 0;
  for (uint64_t i = 0; i < blocks; ++i) {
    unsigned char* const block = allocate_tiny();
    for (uint64_t k = 0; k < kWritesPerBlock; ++k) {
      volatile unsigned char* const byte = block + k % kTinyBytes;
      *byte = static_cast<unsigned char>(*byte + 1);
    }
    for (size_t k = 0; k < kTinyBytes; ++k) {
      sum += block[k];
    }
    free(block);
  }
  return sum;
}

}  // namespace bench
