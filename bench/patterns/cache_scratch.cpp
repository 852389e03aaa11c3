// Passive false sharing: does a freed block of another thread's cache line come back to this thread?
//
// After cache-scratch by Emery Berger (Hoard: Berger, McKinley, Blumofe, Wilson, ASPLOS 2000). Main
// allocates one block of eight bytes for each thread, which lie side by side; each thread frees its own
// and then allocates, writes and frees eight bytes. Where it gets the same block again it writes to the
// line of its neighbours, and more threads make it slower. Few calls: nearly all time is in the writes.
#include "false_sharing.hpp"

int main(int argc, char** argv) {
  const bench::Arguments arguments = bench::parse_arguments(argc, argv);
  const uint64_t blocks = arguments.scaled(bench::kTinyBlocks);
  unsigned char* handed_out[bench::kMaxThreads];
  for (unsigned i = 0; i < arguments.threads; ++i) {
    handed_out[i] = bench::allocate_tiny();
  }
  bench::print_checksum(bench::run_threads(arguments.threads, [&](unsigned index) {
    free(handed_out[index]);
    return bench::write_tiny_blocks(bench::share(blocks, index, arguments.threads));
  }));
}
