// A C++ program that is linked with talc, dynamically or statically. Exits with 0 if all is well;
// link_test.cpp reads the counters.
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>

#include <map>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

struct alignas(256) Wide {
  char bytes[300];
};

bool throws_bad_alloc() {
  volatile size_t too_large = PTRDIFF_MAX;
  try {
    delete[] new char[too_large];
  } catch (const std::bad_alloc&) {
    return new (std::nothrow) char[too_large] == nullptr;
  }
  return false;
}

bool asks_the_handler() {
  static int calls = 0;
  std::set_new_handler([] {
    calls += 1;
    throw std::runtime_error("handler");
  });
  volatile size_t too_large = PTRDIFF_MAX;
  const bool is_null = ::operator new(too_large, std::nothrow) == nullptr;
  std::set_new_handler(nullptr);
  return is_null && calls == 1;
}

void work() {
  std::map<std::string, std::vector<std::unique_ptr<Wide>>> map;
  for (int i = 0; i < 5000; ++i) {
    auto& list = map[std::to_string(i % 101) + std::string(40, 'k')];
    list.push_back(std::make_unique<Wide>());
    if (reinterpret_cast<uintptr_t>(list.back().get()) % 256 != 0) {
      abort();
    }
    if (list.size() > 20) {
      list.clear();
    }
  }
}

}  // namespace

int main() {
  if (!throws_bad_alloc()) {
    return 1;
  }
  if (!asks_the_handler()) {
    return 2;
  }
  std::thread other(work);
  work();
  other.join();
  return malloc_usable_size(std::make_unique<int>().get()) >= sizeof(int) ? 0 : 3;
}
