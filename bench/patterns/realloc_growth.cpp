// Buffers that grow by realloc: strings by appending, vectors by half, one log by fixed steps.
//
// Follows no single benchmark; perl's strings, editors' lines and readers of files of unknown length grow
// so. Strings of up to 4 KiB grow side by side by 1 to 64 bytes, vectors by half up to 256 KiB, and a log
// by 256 KiB to 16 MiB. Stresses: growth in place, slack in size classes, and moving pages instead of
// copying them. Only what is new is written; all of it is verified at the end. Threads share nothing.
#include "common.hpp"

namespace {

constexpr size_t kStrings = 64;
constexpr size_t kMaxString = 4096;
constexpr size_t kFirstVector = 16;
constexpr size_t kMaxVector = size_t{256} << 10;
constexpr size_t kLogStep = size_t{256} << 10;
constexpr size_t kMaxLog = size_t{16} << 20;
constexpr size_t kPage = 4096;
constexpr uint64_t kStringAppends = 12000000;
constexpr uint64_t kVectors = 2000;
constexpr uint64_t kLogs = 4;

// A buffer whose byte i is a function of i. `step` apart are the bytes that are written at all.
class Buffer {
 public:
  size_t size() const { return size_; }

  void grow_to(size_t size, size_t step) {
    void* const moved = realloc(data_, size);
    if (moved == nullptr) {
      bench::fail("out of memory");
    }
    data_ = static_cast<unsigned char*>(moved);
    for (size_t i = (size_ + step - 1) / step * step; i < size; i += step) {
      data_[i] = byte_of(i);
    }
    size_ = size;
    bench::escape(data_);
  }

  // Frees it. Returns the sum of what is in it.
  uint64_t finish(size_t step) {
    uint64_t sum = 0;
    for (size_t i = 0; i < size_; i += step) {
      if (data_[i] != byte_of(i)) {
        bench::fail("a buffer does not hold what was written");
      }
      sum += data_[i];
    }
    free(data_);
    data_ = nullptr;
    size_ = 0;
    return sum;
  }

 private:
  static unsigned char byte_of(size_t index) {
    return static_cast<unsigned char>(index ^ (index >> 8) ^ (index >> 16));
  }

  unsigned char* data_ = nullptr;
  size_t size_ = 0;
};

uint64_t grow_strings(bench::Random& random, uint64_t appends) {
  Buffer strings[kStrings];
  uint64_t sum = 0;
  for (uint64_t i = 0; i < appends; ++i) {
    Buffer& string = strings[random.in(0, kStrings)];
    const size_t size = string.size() + random.in(1, 65);
    if (size <= kMaxString) {
      string.grow_to(size, 16);
    } else {
      sum += string.finish(16);
    }
  }
  for (Buffer& string : strings) {
    sum += string.finish(16);
  }
  return sum;
}

uint64_t grow_vectors(uint64_t vectors) {
  uint64_t sum = 0;
  for (uint64_t i = 0; i < vectors; ++i) {
    Buffer pair[2];
    for (size_t size = kFirstVector; size <= kMaxVector; size += size / 2) {
      pair[0].grow_to(size, 64);
      pair[1].grow_to(size, 64);
    }
    sum += pair[0].finish(64) + pair[1].finish(64);
  }
  return sum;
}

uint64_t grow_logs(uint64_t logs) {
  uint64_t sum = 0;
  for (uint64_t i = 0; i < logs; ++i) {
    Buffer log;
    for (size_t size = kLogStep; size <= kMaxLog; size += kLogStep) {
      log.grow_to(size, kPage);
    }
    sum += log.finish(kPage);
  }
  return sum;
}

}  // namespace

int main(int argc, char** argv) {
  const bench::Arguments arguments = bench::parse_arguments(argc, argv);
  const uint64_t appends = arguments.scaled(kStringAppends);
  const uint64_t vectors = arguments.scaled(kVectors);
  const uint64_t logs = arguments.scaled(kLogs);
  bench::print_checksum(bench::run_threads(arguments.threads, [&](unsigned index) {
    bench::Random random(index);
    return grow_strings(random, bench::share(appends, index, arguments.threads)) +
           grow_vectors(bench::share(vectors, index, arguments.threads)) +
           grow_logs(bench::share(logs, index, arguments.threads));
  }));
}
