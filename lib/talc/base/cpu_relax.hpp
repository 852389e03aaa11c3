// cpu_relax(): tells the processor that this thread is waiting for another one in a loop.
//
// On processors with such an instruction it saves power, leaves a hyperthread's partner the core and
// avoids the pipeline flush at the end of the wait. Elsewhere it does nothing. Called by SpinLock.
#pragma once

namespace talc {

inline void cpu_relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__) || (defined(__arm__) && __ARM_ARCH >= 7)
  __asm__ __volatile__("yield" ::: "memory");
#elif defined(__riscv)
  // `pause`, by its encoding: a fence that older processors take for a no-op.
  __asm__ __volatile__(".4byte 0x0100000F" ::: "memory");
#else
  __asm__ __volatile__("" ::: "memory");
#endif
}

}  // namespace talc
