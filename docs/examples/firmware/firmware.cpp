// Firmware for a Cortex-M3 without an operating system or a C library: talc in static arrays, an OOM handler
// of its own, and the counters on the debugger's console.
//
//     scripts/firmware        builds it with clang and runs it in QEMU (board lm3s6965evb)
//
// The work: samples are kept until memory runs out. Then the handler claims a second bank of RAM, once; when
// that is full, too, it drops the oldest samples, which are a ring of blocks that can be spared. The tests
// compare what is printed with expected.txt. board.hpp has what any such program needs: vectors, console.
#include "board.hpp"

#include "talc/freestanding.hpp"

namespace {

// ---- what can be spared ----

struct Sample {
  void* block = nullptr;
  size_t size = 0;
};

constexpr size_t kMostSamples = 64;
Sample samples[kMostSamples];
size_t oldest = 0;
size_t sample_count = 0;

// ---- memory ----

alignas(8) char first_bank[12 << 10];
alignas(8) char second_bank[4 << 10];

class BankHandler {
 public:
  constexpr explicit BankHandler(talc::Span spare) : spare_(spare) {}

  // Runs inside an allocation: it frees through `talc`, allocates nothing, and each path that returns true
  // uses something up, so that it ends.
  template <class TalcType>
  bool handle_oom(TalcType& talc, size_t /*size*/, size_t /*align*/) {
    if (spare_.is_sized()) {
      board::print("out of memory: claiming the second bank\n");
      const bool is_claimed = talc.claim(spare_).is_sized();
      spare_ = talc::Span();
      return is_claimed;
    }
    if (sample_count == 0) {
      return false;
    }
    Sample& sample = samples[oldest];
    talc.free(sample.block, sample.size);
    oldest = (oldest + 1) % kMostSamples;
    sample_count -= 1;
    dropped_ += 1;
    return true;
  }

  size_t dropped() const { return dropped_; }

 private:
  talc::Span spare_;
  size_t dropped_ = 0;
};

// A constant: no constructor runs before main, and none is needed.
using Heap = talc::Talc<BankHandler, talc::Config{.counters = true}>;
constinit Heap heap{BankHandler{talc::Span::from_array(second_bank)}};

// ---- the work ----

bool take_sample(size_t size) {
  void* const block = heap.malloc(size, alignof(uint32_t));
  if (block == nullptr) {
    return false;
  }
  samples[(oldest + sample_count) % kMostSamples] = {block, size};
  sample_count += 1;
  return true;
}

void print_number(const char* name, size_t value) {
  char buffer[64];
  talc::TextWriter line(buffer, talc::TextSink{board::write, nullptr});
  line.text(name).decimal(value).character('\n').flush();
}

}  // namespace

int main() {
  heap.claim(talc::Span::from_array(first_bank));
  size_t taken = 0;
  for (size_t size = 100; size <= 1000 && take_sample(size); size += 9) {
    taken += 1;
  }
  print_number("samples taken: ", taken);
  print_number("samples kept: ", sample_count);
  print_number("samples dropped: ", heap.oom_handler.dropped());
  talc::print_counters(talc::TextSink{board::write, nullptr}, heap.get_counters());

  // More than there is: every sample is dropped, and it fails.
  const bool refused = heap.malloc(sizeof first_bank, 8) == nullptr;
  const char* const fault = heap.find_fault();
  board::print(refused && sample_count == 0 ? "too much is refused\n" : "too much was granted\n");
  board::print(fault == nullptr ? "the heap is in order\n" : fault);
  return refused && fault == nullptr ? 0 : 1;
}
