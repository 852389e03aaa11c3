// The misuses of the heap, each under its name: the program commits the one that it is given.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace misuse {

struct Misuse {
  const char* name;
  void (*commit)();
};

struct Table {
  const Misuse* begin;
  size_t count;
};

// What is wrong with a pointer, with the contents of a block, and what attackers do.
Table pointers();
Table writes();
Table exploits();

// Told to the test, so that it can compare the pointer in talc's line. Hides from the compiler
// where it came from.
void* announce(void* ptr);
// The same, without telling.
void* hide(void* ptr);

// How an exploit has ended that the library did not stop: its goal was reached, or not.
void tell(bool reached);

}  // namespace misuse
