// Standard containers in a heap of their own: a map of words, in 64 KiB and nowhere else.
//
// MemoryResource makes a std::pmr::memory_resource of an engine, or of one with a lock. For containers
// that want an allocator as a type there is StlAllocator.
//
//     g++ -std=c++20 -Ilib docs/examples/pmr_container.cpp -o pmr_container && ./pmr_container
//
// It prints what is in pmr_container.txt; the tests compare.
#include <stdio.h>

#include <map>
#include <new>
#include <sstream>
#include <string>
#include <vector>

#include "talc/hosted.hpp"

namespace {

alignas(size_t) char memory[64 << 10];

using Heap = talc::Talc<talc::ErrOnOom, talc::Config{.counters = true}>;
using Resource = talc::MemoryResource<Heap>;

void count_words(Resource& resource, const char* text) {
  // The map hands the resource on to its keys: their characters are in the same heap.
  std::pmr::map<std::pmr::string, int> counts(&resource);
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    ++counts.emplace(word, 0).first->second;
  }
  for (const auto& [word, count] : counts) {
    printf("%d %s\n", count, word.c_str());
  }
}

void ask_for_too_much(Resource& resource) {
  std::pmr::vector<char> bytes(&resource);
  try {
    bytes.resize(2 * sizeof memory);
    puts("128 KiB of 64 KiB");
  } catch (const std::bad_alloc&) {
    puts("128 KiB of 64 KiB: bad_alloc");
  }
}

}  // namespace

int main() {
  Heap heap;
  heap.claim(talc::Span::from_array(memory));
  Resource resource(heap);

  count_words(resource, "a heap for the map and the same heap for what is in the map");
  ask_for_too_much(resource);
  printf("blocks left: %zu\n", heap.get_counters().live_allocations);
  return 0;
}
