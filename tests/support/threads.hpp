// Threads that all do the same, each with its number, and end before the test goes on.
#pragma once

#include <thread>
#include <vector>

namespace talc {

template <class Body>
void run_threads(unsigned count, Body body) {
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < count; ++i) {
    threads.emplace_back(body, i);
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
}

}  // namespace talc
