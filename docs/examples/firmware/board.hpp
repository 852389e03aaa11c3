// What a bare Cortex-M3 has to have: vectors, a start, the three functions that compilers call, and a
// console through the debugger (ARM semihosting, which QEMU serves).
//
// Included once, by firmware.cpp; cortex_m3.ld says where things lie.
#pragma once

#include <stddef.h>
#include <stdint.h>

int main();

namespace board {

// An operation of semihosting: the debugger takes the number from r0 and the argument from r1.
inline uint32_t call_debugger(uint32_t operation, const void* argument) {
  register uint32_t r0 __asm__("r0") = operation;
  register const void* r1 __asm__("r1") = argument;
  __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
}

inline void print(const char* text) {
  constexpr uint32_t kWrite0 = 0x04;
  call_debugger(kWrite0, text);
}

// A TextSink's function. Requires: what it is given is no longer than 256 bytes.
inline void write(void* /*context*/, const char* text, size_t size) {
  char line[257];
  for (size_t i = 0; i < size; ++i) {
    line[i] = text[i];
  }
  line[size] = '\0';
  print(line);
}

// Ends the emulator with that status.
[[noreturn]] inline void exit(int status) {
  constexpr uint32_t kExitExtended = 0x20;
  constexpr uint32_t kApplicationExit = 0x20026;
  const uint32_t block[] = {kApplicationExit, static_cast<uint32_t>(status)};
  call_debugger(kExitExtended, block);
  for (;;) {
  }
}

}  // namespace board

extern "C" {

// Of cortex_m3.ld: words from `data_begin` on are copied from flash, those up to `bss_end` cleared.
extern uint32_t data_in_flash[];
extern uint32_t data_begin[];
extern uint32_t data_end[];
extern uint32_t bss_end[];
extern uint32_t stack_top[];

void* memcpy(void* to, const void* from, size_t size) {
  for (size_t i = 0; i < size; ++i) {
    static_cast<volatile char*>(to)[i] = static_cast<const char*>(from)[i];
  }
  return to;
}

void* memmove(void* to, const void* from, size_t size) {
  if (to < from) {
    return memcpy(to, from, size);
  }
  for (size_t i = size; i != 0; --i) {
    static_cast<volatile char*>(to)[i - 1] = static_cast<const char*>(from)[i - 1];
  }
  return to;
}

void* memset(void* at, int value, size_t size) {
  for (size_t i = 0; i < size; ++i) {
    static_cast<volatile char*>(at)[i] = static_cast<char>(value);
  }
  return at;
}

// ARM's names for them, whose memset takes its arguments in another order.
void __aeabi_memcpy(void* to, const void* from, size_t size) { memcpy(to, from, size); }
void __aeabi_memcpy4(void* to, const void* from, size_t size) { memcpy(to, from, size); }
void __aeabi_memcpy8(void* to, const void* from, size_t size) { memcpy(to, from, size); }
void __aeabi_memmove(void* to, const void* from, size_t size) { memmove(to, from, size); }
void __aeabi_memset(void* at, size_t size, int value) { memset(at, value, size); }
void __aeabi_memclr(void* at, size_t size) { memset(at, 0, size); }
void __aeabi_memclr4(void* at, size_t size) { memset(at, 0, size); }
void __aeabi_memclr8(void* at, size_t size) { memset(at, 0, size); }

[[noreturn]] void start() {
  const uint32_t* from = data_in_flash;
  for (uint32_t* word = data_begin; word != data_end; ++word) {
    *word = *from++;
  }
  for (uint32_t* word = data_end; word != bss_end; ++word) {
    *word = 0;
  }
  board::exit(main());
}

[[noreturn]] void on_fault() {
  board::print("the processor met a fault\n");
  board::exit(3);
}

// The processor takes its stack and its first instruction from here, and goes on here after a fault.
struct Vectors {
  uint32_t* stack;
  void (*handlers[15])();
};
[[gnu::section(".vectors"), gnu::used]] const Vectors vectors = {
    stack_top, {start, on_fault, on_fault, on_fault, on_fault, on_fault}};
}
