// Aligned and ordinary blocks side by side, replaced at random.
//
// Follows no single benchmark; numerical code, databases and I/O buffers ask so. Of ten blocks, four come
// from malloc, three from aligned_alloc and three from posix_memalign, with alignments from 16 to 4,096,
// each half as often as the one below it, and 16 to 2,047 bytes. Stresses: what alignment costs in time
// and in room, and free's way back from an aligned address. Sizes of aligned blocks are odd: mimalloc 2.0.9
// misaligns some that are powers of two, and could not take part. Threads share nothing.
#include "common.hpp"

namespace {

constexpr uint64_t kBlocks = 20000;
constexpr size_t kMinSize = 16;
constexpr size_t kMaxSize = 2048;
constexpr uint64_t kReplacements = 9000000;

size_t random_alignment(bench::Random& random) {
  const unsigned bits = static_cast<unsigned>(random.next() & 0xff) | 0x100;
  return size_t{16} << __builtin_ctz(bits);
}

void* allocate_aligned(bool posix, size_t alignment, size_t size) {
  void* ptr = nullptr;
  if (posix) {
    if (posix_memalign(&ptr, alignment, size) != 0) {
      bench::fail("out of memory");
    }
  } else {
    ptr = aligned_alloc(alignment, size);
  }
  if ((reinterpret_cast<uintptr_t>(ptr) & (alignment - 1)) != 0) {
    bench::fail("a block is not aligned");
  }
  return ptr;
}

bench::Tagged allocate(bench::Random& random, uint64_t tag) {
  const size_t size = bench::skewed_size(random, kMinSize, kMaxSize);
  const size_t kind = random.in(0, 10);
  if (kind < 4) {
    return bench::allocate_tagged(size, tag);
  }
  const size_t alignment = random_alignment(random);
  const size_t odd_size = size | 1;
  return bench::tag_block(allocate_aligned(kind < 7, alignment, odd_size), odd_size, tag);
}

uint64_t replace(bench::Tagged* blocks, size_t count, uint64_t replacements, uint64_t seed) {
  bench::Random random(seed);
  uint64_t sum = 0;
  for (size_t i = 0; i < count; ++i) {
    blocks[i] = allocate(random, i);
  }
  for (uint64_t i = 0; i < replacements; ++i) {
    bench::Tagged& victim = blocks[random.in(0, count)];
    sum += bench::free_tagged(victim);
    victim = allocate(random, i);
  }
  return sum + bench::free_all_tagged(blocks, count);
}

}  // namespace

int main(int argc, char** argv) {
  const bench::Arguments arguments = bench::parse_arguments(argc, argv);
  const uint64_t replacements = arguments.scaled(kReplacements);
  bench::Tagged* const blocks = bench::make_table<bench::Tagged>(kBlocks * arguments.threads);
  bench::print_checksum(bench::run_threads(arguments.threads, [&](unsigned index) {
    return replace(blocks + kBlocks * index, bench::share(kBlocks, index, arguments.threads),
                   bench::share(replacements, index, arguments.threads), index);
  }));
}
