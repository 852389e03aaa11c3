// A WebAssembly module with talc in it: it counts how many different words a text has.
//
//     scripts/wasm example     builds it with clang, and runs it in node, by words.mjs
//
// Nothing is linked but this file. The heap is the module's memory, which grows when it is full: that is
// what WasmHandler does. JavaScript puts the text into a block that it gets from `allocate`. The tests
// compare what is printed with expected.txt.
#include "talc/freestanding.hpp"

namespace {

// A constant: there is no start function to call. Not locked: a module has one thread.
constinit talc::Talc<talc::WasmHandler<>> heap;

// A word of the text, which holds its characters.
struct Word {
  const char* text;
  size_t size;
  Word* next;

  bool is(const char* other, size_t other_size) const {
    if (size != other_size) {
      return false;
    }
    size_t i = 0;
    while (i < size && text[i] == other[i]) {
      ++i;
    }
    return i == size;
  }
};

Word* find(Word* words, const char* text, size_t size) {
  while (words != nullptr && !words->is(text, size)) {
    words = words->next;
  }
  return words;
}

void free_all(Word* words) {
  while (words != nullptr) {
    Word* const next = words->next;
    heap.free(words, sizeof(Word));
    words = next;
  }
}

}  // namespace

extern "C" {

// Returns a block of `size` bytes, or 0 if the memory can't grow so far.
[[clang::export_name("allocate")]] void* allocate(size_t size) { return heap.malloc(size, 1); }

// Blocks have no header: JavaScript knows how long its text is.
[[clang::export_name("release")]] void release(void* block, size_t size) { heap.free(block, size); }

// Returns how many different words there are between the spaces, or -1 if memory is out.
[[clang::export_name("count_words")]] int count_words(const char* text, size_t size) {
  Word* words = nullptr;
  int count = 0;
  const char* const end = text + size;
  while (text != end) {
    const char* const begin = text;
    while (text != end && *text != ' ') {
      ++text;
    }
    const size_t length = static_cast<size_t>(text - begin);
    if (length != 0 && find(words, begin, length) == nullptr) {
      void* const place = heap.malloc(sizeof(Word), alignof(Word));
      if (place == nullptr) {
        free_all(words);
        return -1;
      }
      words = new (talc::kPlacement, place) Word{begin, length, words};
      count += 1;
    }
    text += text != end ? 1 : 0;
  }
  free_all(words);
  return count;
}
}
