// What the patterns share: their command line, how work is divided, blocks that know their contents.
//
//   PATTERN THREADS [SCALE_PERCENT [parameters of the pattern]]
//
// The work is the same at any THREADS, and grows with SCALE_PERCENT (100). A pattern prints one line: a
// checksum over the contents of its blocks, which depends on the arguments but on no address, and so is
// the same under each allocator that is right. A block that does not hold what was written is an error.
#pragma once

#include <string.h>

#include "../common/program.hpp"
#include "../common/random.hpp"

namespace bench {

struct Arguments {
  unsigned threads;
  uint64_t scale_percent;
  uint64_t parameter;  // 0 if the pattern has none

  // A count of work as scaled, at least 1.
  uint64_t scaled(uint64_t count) const {
    const uint64_t result = count * scale_percent / 100;
    return result == 0 ? 1 : result;
  }
};

// A usage line and exit status 2 for anything but THREADS (1 to max_threads), then SCALE_PERCENT, which
// may be left out if there is no `parameter`, then that.
inline Arguments parse_arguments(int argc, char** argv, unsigned max_threads = kMaxThreads,
                                 const char* parameter = nullptr, uint64_t max_parameter = 0) {
  Arguments arguments = {1, 100, 0};
  const bool count_is_right = parameter != nullptr ? argc == 4 : argc == 2 || argc == 3;
  if (count_is_right) {
    arguments.threads = static_cast<unsigned>(parse_number(argv[1], max_threads));
    arguments.scale_percent = argc > 2 ? parse_number(argv[2], 100000) : 100;
    arguments.parameter = argc > 3 ? parse_number(argv[3], max_parameter) : 0;
  }
  if (!count_is_right || arguments.threads == 0 || arguments.scale_percent == 0 ||
      (parameter != nullptr && arguments.parameter == 0)) {
    fprintf(stderr, "usage: %s THREADS %s%s  (%u THREADS at most)\n", program_invocation_short_name,
            parameter != nullptr ? "SCALE_PERCENT " : "[SCALE_PERCENT]",
            parameter != nullptr ? parameter : "", max_threads);
    exit(2);
  }
  return arguments;
}

// The index-th of `count` parts of `total`: together they are all of it.
inline uint64_t share(uint64_t total, unsigned index, unsigned count) {
  return total * (index + 1) / count - total * index / count;
}

inline void print_checksum(uint64_t sum) { printf("checksum %016jx\n", uintmax_t{sum}); }

// Lengths that lean towards the small end, in [low, max): most programs' do.
inline size_t skewed_size(Random& random, size_t low, size_t max) {
  return random.in(low, random.in(low + 1, max));
}

// A block whose first and last byte hold its tag: the least that a program touches.
struct Tagged {
  unsigned char* ptr;
  uint32_t size;
  uint8_t tag;
};

inline Tagged tag_block(void* memory, size_t size, uint64_t tag) {
  if (memory == nullptr) {
    fail("out of memory");
  }
  unsigned char* const ptr = static_cast<unsigned char*>(memory);
  const uint8_t byte = static_cast<uint8_t>(tag);
  ptr[0] = byte;
  ptr[size - 1] = byte;
  escape(ptr);
  return {ptr, static_cast<uint32_t>(size), byte};
}

// The tag, which must still be there.
inline uint64_t read_tag(const Tagged& block) {
  if (block.ptr[0] != block.tag || block.ptr[block.size - 1] != block.tag) {
    fail("a block does not hold what was written");
  }
  return block.tag;
}

inline Tagged allocate_tagged(size_t size, uint64_t tag) {
  return tag_block(malloc(size), size, tag);
}

inline uint64_t free_tagged(const Tagged& block) {
  const uint64_t tag = read_tag(block);
  free(block.ptr);
  return tag;
}

// Frees those of the blocks that are there.
inline uint64_t free_all_tagged(const Tagged* blocks, size_t count) {
  uint64_t sum = 0;
  for (size_t i = 0; i < count; ++i) {
    sum += blocks[i].ptr != nullptr ? free_tagged(blocks[i]) : 0;
  }
  return sum;
}

}  // namespace bench
