// A library that programs open and close: it allocates when it is opened, in each thread that uses
// it, and when it is closed; it throws. loading.cpp and misuse/pointers.cpp open it.
#include <stdint.h>
#include <stdlib.h>

#include <map>
#include <new>
#include <stdexcept>
#include <string>

namespace {

struct Registry {
  std::map<int, std::string> names;
  Registry() {
    for (int i = 0; i < 100; ++i) {
      names[i] = std::string(static_cast<size_t>(i) * 10, 'n');
    }
  }
  ~Registry() { names[1000] = std::string(1000, 'n'); }
};

Registry registry;

}  // namespace

extern "C" {

size_t plugin_count() {
  thread_local Registry own;
  return registry.names.size() + own.names.size();
}

void* plugin_malloc(size_t size) { return malloc(size); }

void plugin_free(void* block) { free(block); }

char* plugin_new(size_t size) { return new char[size]; }

void plugin_throw(const char* text) { throw std::runtime_error(text + std::string(500, 't')); }

// Whether what its own operator new throws is caught within the library.
bool plugin_catches() {
  volatile size_t too_large = PTRDIFF_MAX;
  try {
    delete[] new char[too_large];
  } catch (const std::bad_alloc&) {
    return new (std::nothrow) char[too_large] == nullptr;
  }
  return false;
}

}  // extern "C"
