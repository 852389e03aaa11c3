// AtomicSwitch: a flag that is asked and changed in one step, by exchange.
//
// A whole word: there are processors without an exchange of a byte (riscv64), where compilers call libatomic for
// it, which the libraries are not linked with. Flags that are only loaded and stored are std::atomic<bool>. Used
// wherever one thread of several is to do something. scripts/checks/linkage sees to it.
#pragma once

#include <atomic>

namespace talc {

using AtomicSwitch = std::atomic<unsigned>;

}  // namespace talc
