// Active false sharing: do two threads that allocate at the same time get the same cache line?
//
// After cache-thrash by Emery Berger (Hoard: Berger, McKinley, Blumofe, Wilson, ASPLOS 2000). Each
// thread allocates, writes and frees eight bytes; an allocator that hands out neighbours to different
// threads makes them fight for the line. Few calls: nearly all time is in the writes.
#include "false_sharing.hpp"

int main(int argc, char** argv) {
  const bench::Arguments arguments = bench::parse_arguments(argc, argv);
  const uint64_t blocks = arguments.scaled(bench::kTinyBlocks);
  bench::print_checksum(bench::run_threads(arguments.threads, [&](unsigned index) {
    return bench::write_tiny_blocks(bench::share(blocks, index, arguments.threads));
  }));
}
