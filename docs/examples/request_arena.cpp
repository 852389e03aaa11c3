// An arena for each request: what a request allocates goes all at once, when it has been answered.
//
// Nobody frees a block, and nothing can leak from one request into the next. To begin an arena over the
// memory of the last one takes the same short time, however much that one had allocated.
//
//     g++ -std=c++20 -Ilib docs/examples/request_arena.cpp -o request_arena && ./request_arena
//
// It prints what is in request_arena.txt; the tests compare.
#include <stdio.h>
#include <string.h>

#include <new>
#include <string>
#include <string_view>

#include "talc/freestanding.hpp"

namespace {

using Arena = talc::Talc<talc::ErrOnOom>;

// A field of a request such as "name=talc&size=24".
struct Field {
  std::string_view text;
  const Field* next;
};

// Cuts off what comes before `mark`, or all there is.
std::string_view take_until(std::string_view& text, char mark) {
  const std::string_view taken = text.substr(0, text.find(mark));
  text.remove_prefix(taken.size() < text.size() ? taken.size() + 1 : taken.size());
  return taken;
}

// Null if the arena is full.
const Field* make_field(Arena& arena, std::string_view text, const Field* next) {
  void* const place = arena.malloc(sizeof(Field), alignof(Field));
  char* const copy = static_cast<char*>(arena.malloc(text.size(), 1));
  if (place == nullptr || copy == nullptr) {
    return nullptr;
  }
  memcpy(copy, text.data(), text.size());
  return new (place) Field{std::string_view(copy, text.size()), next};
}

// What all requests of a thread share, one after the other.
class Worker {
 public:
  // Returns how many fields there are, or -1 if the request is too large for the memory. Either way
  // the arena ends here, with every block in it.
  int answer(std::string_view request) {
    Arena arena;
    arena.claim(talc::Span::from_array(memory_));
    const Field* fields = nullptr;
    while (!request.empty()) {
      fields = make_field(arena, take_until(request, '&'), fields);
      if (fields == nullptr) {
        return -1;
      }
    }
    int count = 0;
    for (; fields != nullptr; fields = fields->next) {
      count += 1;
    }
    return count;
  }

 private:
  alignas(size_t) char memory_[16 << 10];
};

}  // namespace

int main() {
  static Worker worker;
  printf("fields: %d\n", worker.answer("name=talc&size=24&align=8"));

  // Far more than the memory holds, in all.
  int answered = 0;
  for (int i = 0; i < 10000; ++i) {
    answered += worker.answer("name=talc&size=" + std::to_string(i) + "&align=8") == 3 ? 1 : 0;
  }
  printf("answered: %d\n", answered);

  // One that is too large harms nobody else.
  printf("64 KiB: %d\n", worker.answer(std::string(64 << 10, 'x')));
  printf("fields: %d\n", worker.answer("next=one"));
  return 0;
}
