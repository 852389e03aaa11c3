// The one block, and the pointers to the functions that give it out.
#include "fixed_block.hpp"

namespace bench {
namespace {

alignas(64) char block[64];

void* allocate(size_t) { return block; }

// The block stays in use for good; what it holds may have changed.
void release(void* ptr) { asm volatile("" : : "r"(ptr) : "memory"); }

}  // namespace

FixedBlock fixed_block{allocate, release};

}  // namespace bench
