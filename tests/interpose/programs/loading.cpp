// Libraries that are opened and closed while talc serves, with constructors and destructors that
// allocate, and with exceptions that cross them. The second argument is the library's path.
// lifecycle_test.cpp runs it.
#include <stdint.h>

#include <new>
#include <stdexcept>
#include <string>

#include "moments.h"

namespace {

const char* plugin_path;

template <class Function>
Function* find(void* library, const char* name) {
  auto* const function = reinterpret_cast<Function*>(dlsym(library, name));
  REQUIRE(function != nullptr);
  return function;
}

void* open_plugin() {
  void* const library = dlopen(plugin_path, RTLD_NOW | RTLD_LOCAL);
  REQUIRE(library != nullptr);
  return library;
}

void* use_plugin(void* library) {
  REQUIRE(find<size_t()>(library, "plugin_count")() == 200);
  return nullptr;
}

// The blocks of a library outlive it, whichever way it got them.
void open_and_close() {
  void* const library = open_plugin();
  void* const ours = malloc(100);
  void* const theirs = find<void*(size_t)>(library, "plugin_malloc")(100);
  char* const made = find<char*(size_t)>(library, "plugin_new")(3000);
  find<void(void*)>(library, "plugin_free")(ours);
  pthread_t thread;
  REQUIRE(pthread_create(&thread, nullptr, use_plugin, library) == 0);
  join_threads(&thread, 1);
  REQUIRE(dlclose(library) == 0);
  free(theirs);
  delete[] made;
}

void* keep_opening(void*) {
  for (int i = 0; i < 200; ++i) {
    open_and_close();
  }
  return nullptr;
}

void require_closed() { REQUIRE(dlopen(plugin_path, RTLD_NOW | RTLD_NOLOAD) == nullptr); }

void plugins() {
  pthread_t load;
  start_threads(&load, 1, keep_allocating);
  pthread_t threads[2];
  start_threads(threads, 2, keep_opening);
  join_threads(threads, 2);
  stop_threads(&load, 1);
  require_closed();
}

// What `call` throws, as text.
template <class Call>
std::string caught(Call call) {
  try {
    call();
  } catch (const std::bad_alloc&) {
    return "bad_alloc";
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "nothing";
}

void exceptions() {
  for (int i = 0; i < 100; ++i) {
    void* const library = open_plugin();
    auto* const throw_text = find<void(const char*)>(library, "plugin_throw");
    auto* const allocate = find<char*(size_t)>(library, "plugin_new");
    REQUIRE(caught([&] { throw_text("text"); }) == "text" + std::string(500, 't'));
    REQUIRE(caught([&] { allocate(PTRDIFF_MAX); }) == "bad_alloc");
    REQUIRE(find<bool()>(library, "plugin_catches")());
    REQUIRE(dlclose(library) == 0);
  }
}

constexpr moment kMoments[] = {
    {"plugins", plugins},
    {"exceptions", exceptions},
};

}  // namespace

int main(int argc, char** argv) {
  REQUIRE(argc == 3);
  plugin_path = argv[2];
  return live_moment(argc, argv, kMoments, sizeof kMoments / sizeof *kMoments);
}
