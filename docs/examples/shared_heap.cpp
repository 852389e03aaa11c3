// Threads share a heap, and a list whose nodes are in it, behind one lock.
//
// A Talck is an engine and a lock. Each of its functions takes the lock for as long as it runs; lock()
// hands out the engine for several steps in one turn. Whatever has lock() and unlock() will do as a lock:
// here the C++ library's mutex, and talc's three, of which PthreadLock sleeps as a mutex does and works
// before constructors have run, SpinLock needs no operating system, and NullLock is for one thread.
//
//     g++ -std=c++20 -Ilib docs/examples/shared_heap.cpp -o shared_heap -pthread && ./shared_heap
//
// It prints what is in shared_heap.txt; the tests compare.
#include <stdio.h>

#include <mutex>
#include <new>
#include <thread>
#include <vector>

#include "talc/hosted.hpp"

namespace {

constexpr size_t kPushes = 1000;  // by each thread
alignas(size_t) char memory[1 << 20];

using Engine = talc::Talc<talc::ErrOnOom, talc::Config{.counters = true}>;

// A stack of numbers.
template <class Lock>
class Stack {
 public:
  Stack() { heap_.lock()->claim(talc::Span::from_array(memory)); }

  // The heap's lock guards the list as well: one turn for a node and for its place in the list.
  bool push(size_t number) {
    const auto engine = heap_.lock();
    void* const place = engine->malloc(sizeof(Node), alignof(Node));
    if (place == nullptr) {
      return false;
    }
    top_ = new (place) Node{top_, number};
    return true;
  }

  // The list changes under the lock; the node is freed afterwards, in a turn of its own.
  bool pop(size_t& number) {
    Node* node = nullptr;
    {
      const auto engine = heap_.lock();
      node = top_;
      if (node == nullptr) {
        return false;
      }
      top_ = node->next;
    }
    number = node->number;
    heap_.free(node, sizeof(Node));
    return true;
  }

  size_t live_blocks() { return heap_.get_counters().live_allocations; }

 private:
  struct Node {
    Node* next;
    size_t number;
  };

  talc::Talck<Lock, Engine> heap_ = Engine().lock<Lock>();
  Node* top_ = nullptr;
};

template <class Lock>
void run(const char* name, size_t thread_count) {
  Stack<Lock> stack;
  std::vector<std::thread> threads;
  for (size_t i = 0; i < thread_count; ++i) {
    threads.emplace_back([&] {
      for (size_t number = 1; number <= kPushes; ++number) {
        stack.push(number);
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  size_t sum = 0;
  for (size_t number = 0; stack.pop(number);) {
    sum += number;
  }
  const bool is_right = sum == thread_count * kPushes * (kPushes + 1) / 2;
  printf("%s: %s, blocks left: %zu\n", name, is_right ? "all there" : "lost", stack.live_blocks());
}

}  // namespace

int main() {
  run<std::mutex>("std::mutex", 4);
  run<talc::PthreadLock>("PthreadLock", 4);
  run<talc::SpinLock>("SpinLock", 4);
  run<talc::NullLock>("NullLock", 1);
  return 0;
}
