// A program that is linked with libtalc.a and also makes an engine of its own from the headers,
// compiled with other options: the two must not share a function.
#include <stdio.h>

#include "talc/core/talc.hpp"
#include "talc/oom/err_on_oom.hpp"

int main() {
  if (!talc::kAssertions) {
    return 4;  // to be compiled with TALC_DEBUG, which the library was not
  }
  static char memory[1 << 16];
  talc::Talc<talc::ErrOnOom, talc::Config{.counters = true}> engine;
  if (engine.claim(talc::Span::from_array(memory)).is_empty()) {
    return 1;
  }
  for (int i = 0; i < 100; ++i) {
    void* const block = engine.malloc(100, 8);
    if (block == nullptr) {
      return 2;
    }
    engine.free(block, 100);
  }
  return engine.find_fault() == nullptr && engine.get_counters().live_allocations == 0 ? 0 : 3;
}
