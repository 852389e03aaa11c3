// Commits the misuse that is given as argument, and says "survived" when nothing stopped it.
#include <stdio.h>
#include <string.h>

#include "misuse.hpp"

namespace misuse {

void* hide(void* ptr) {
  asm volatile("" : "+r"(ptr) : : "memory");
  return ptr;
}

void* announce(void* ptr) {
  printf("%#lx\n", reinterpret_cast<unsigned long>(ptr));
  fflush(stdout);
  return hide(ptr);
}

void tell(bool reached) { puts(reached ? "reached" : "held"); }

}  // namespace misuse

int main(int argc, char** argv) {
  const misuse::Table tables[] = {misuse::pointers(), misuse::writes(), misuse::exploits()};
  for (const misuse::Table& table : tables) {
    for (size_t i = 0; i < table.count; ++i) {
      if (argc == 2 && strcmp(argv[1], table.begin[i].name) == 0) {
        table.begin[i].commit();
        puts("survived");
        return 0;
      }
    }
  }
  fprintf(stderr, "no such misuse\n");
  return 2;
}
