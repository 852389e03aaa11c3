// Somebody's program with talc's headers and no library: a heap in a static array, while malloc stays
// what it was. consumer_test.py builds it in every way of docs/INSTALL.md, and runs it.
#include <stdio.h>
#include <talc/hosted.hpp>

static char memory[1 << 20];

int main() {
  talc::Talc<talc::ErrOnOom> heap;
  heap.claim(talc::Span{memory, memory + sizeof memory});
  int blocks = 0;
  while (heap.malloc(1000, 16) != nullptr) {
    ++blocks;
  }
  printf("%d blocks of 1000 bytes\n", blocks);
  return blocks > 1000 ? 0 : 1;
}
