// An OOM handler of one's own: it doubles its heap whenever memory runs out, up to an address limit.
//
// The arena starts with the first 4 KiB of a buffer; everything up to the buffer's end is the
// handler's to add. Read lib/talc/oom/oom_handler.hpp for the rules that handlers live by.
//
//     g++ -std=c++20 -Ilib docs/examples/doubling_handler.cpp && ./a.out
//
// It checks itself, and the tests run it.
#include <stdio.h>

#include "talc/freestanding.hpp"

namespace {

class DoublingHandler {
 public:
  // Requires: the memory from the heap up to `limit` is unused and may be claimed.
  constexpr explicit DoublingHandler(char* limit) : limit_(limit) {}

  void set_heap(talc::Span heap) { heap_ = heap; }
  talc::Span heap() const { return heap_; }

  // Talc has not enough memory, and calls. `size` and `align` tell what for; doubling does without.
  template <class TalcType>
  bool handle_oom(TalcType& talc, size_t /*size*/, size_t /*align*/) {
    const talc::Span wanted = heap_.extend(0, heap_.size()).below(limit_);
    const talc::Span extended = talc.extend(heap_, wanted);
    if (extended == heap_) {
      return false;  // At the limit. True would mean "search again", and again, without end.
    }
    heap_ = extended;
    return true;
  }

 private:
  talc::Span heap_;
  char* limit_;
};

using Arena = talc::Talc<DoublingHandler, talc::Config{.counters = true}>;

static_assert(talc::OomHandlerFor<DoublingHandler, Arena>);

constexpr size_t kFirstHeapBytes = 4096;
constexpr size_t kBlockBytes = 1000;

alignas(size_t) char memory[1 << 20];

void print(void* /*context*/, const char* text, size_t size) { fwrite(text, 1, size, stdout); }

}  // namespace

int main() {
  char* const limit = memory + sizeof memory;
  Arena arena{DoublingHandler(limit)};
  arena.oom_handler.set_heap(arena.claim(talc::Span::from_base_size(memory, kFirstHeapBytes)));

  size_t blocks = 0;
  while (arena.malloc(kBlockBytes, alignof(size_t)) != nullptr) {
    ++blocks;
  }
  talc::print_counters(talc::TextSink{print, nullptr}, arena.get_counters());

  // 4 KiB became 1 MiB in eight steps, and all of it serves: 1008 bytes a block, tag included.
  const bool reached_limit = arena.oom_handler.heap() == talc::Span::from_array(memory);
  const bool filled = blocks * (kBlockBytes + sizeof(size_t)) > sizeof memory * 95 / 100;
  if (!reached_limit || !filled || arena.find_fault() != nullptr) {
    fputs("the heap did not grow to its limit\n", stderr);
    return 1;
  }
  printf("%zu blocks of %zu bytes\n", blocks, kBlockBytes);
  return 0;
}
