// Large blocks, 5 to 25 MiB, 20 of them live: buffers of images, of columns, of network traffic.
//
// After malloc-large of mimalloc-bench (by Leonid Stolyarov and Daan Leijen). A block at random is freed
// and another takes its place; one byte in 16 KiB is written. Stresses: how soon memory goes back to
// the kernel (each page that comes anew is a fault) and how much is kept instead. One thread.
#include "common.hpp"

namespace {

constexpr size_t kBlocks = 20;
constexpr size_t kMiB = size_t{1} << 20;
constexpr size_t kMinSize = 5 * kMiB;
constexpr size_t kMaxSize = 25 * kMiB;
constexpr size_t kStep = 16384;
constexpr uint64_t kReplacements = 100;

bench::Tagged allocate(bench::Random& random, uint64_t tag) {
  const size_t size = random.in(kMinSize, kMaxSize + 1);
  const bench::Tagged block = bench::allocate_tagged(size, tag);
  for (size_t offset = kStep; offset < size - 1; offset += kStep) {
    block.ptr[offset] = block.tag;
  }
  return block;
}

}  // namespace

int main(int argc, char** argv) {
  const bench::Arguments arguments = bench::parse_arguments(argc, argv, 1);
  const uint64_t replacements = arguments.scaled(kReplacements);
  bench::Random random(0);
  bench::Tagged blocks[kBlocks];
  uint64_t sum = 0;
  for (uint64_t i = 0; i < kBlocks; ++i) {
    blocks[i] = allocate(random, i);
  }
  for (uint64_t i = 0; i < replacements; ++i) {
    bench::Tagged& victim = blocks[random.in(0, kBlocks)];
    sum += bench::free_tagged(victim);
    victim = allocate(random, i);
  }
  bench::print_checksum(sum + bench::free_all_tagged(blocks, kBlocks));
}
