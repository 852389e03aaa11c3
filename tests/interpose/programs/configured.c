/* Brings options of its own, and ends; with an argument, asks for more memory than there is first.
   configuration_test.cpp looks at what is in effect. */
#include <stdint.h>
#include <stdlib.h>

const char* talc_conf = "purge_delay:123,dirty_ratio:45";

int main(int argc, char** argv) {
  (void)argv;
  for (int i = 1; argc > 1 && i < 3; ++i) {
    void* volatile block = malloc(PTRDIFF_MAX / 2 / (size_t)i);
    if (block != NULL) {
      return 1;
    }
  }
  return 0;
}
