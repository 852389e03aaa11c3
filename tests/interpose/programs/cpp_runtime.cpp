// What a C++ program leans on its runtime for: exceptions across threads, threads that hand blocks
// to each other, locales, regular expressions, streams, aligned types. Prints sums that do not
// depend on timing.
#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <future>
#include <iomanip>
#include <iostream>
#include <locale>
#include <map>
#include <memory>
#include <mutex>
#include <numeric>
#include <random>
#include <regex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

namespace {

// Exceptions that own memory, thrown deep, nested and rethrown in other threads.
size_t throw_and_catch() {
  size_t caught = 0;
  const std::function<void(int)> dig = [&](int depth) {
    const std::string ballast(static_cast<size_t>(depth) * 37, 'x');
    if (depth == 0) {
      throw std::runtime_error("bottom " + ballast);
    }
    try {
      dig(depth - 1);
    } catch (...) {
      std::throw_with_nested(std::logic_error(ballast));
    }
  };
  for (int i = 0; i < 50; ++i) {
    auto thrown = std::async(std::launch::async, dig, 20);
    try {
      thrown.get();
    } catch (const std::logic_error& error) {
      caught += std::string(error.what()).size();
    }
  }
  return caught;
}

// One thread makes strings, others take and drop them.
size_t hand_over() {
  std::deque<std::unique_ptr<std::string>> queue;
  std::mutex mutex;
  std::condition_variable ready;
  bool done = false;
  std::atomic<size_t> total{0};
  const auto consume = [&] {
    for (;;) {
      std::unique_lock lock(mutex);
      ready.wait(lock, [&] { return done || !queue.empty(); });
      if (queue.empty()) {
        return;
      }
      const auto taken = std::move(queue.front());
      queue.pop_front();
      lock.unlock();
      total += taken->size();
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back(consume);
  }
  for (size_t i = 0; i < 30000; ++i) {
    auto made = std::make_unique<std::string>(i % 700, 'y');
    const std::lock_guard lock(mutex);
    queue.push_back(std::move(made));
    ready.notify_one();
  }
  {
    const std::lock_guard lock(mutex);
    done = true;
  }
  ready.notify_all();
  std::for_each(threads.begin(), threads.end(), [](std::thread& thread) { thread.join(); });
  return total;
}

// Threads that come and go, with thread-local objects that free in their destructors.
size_t short_threads() {
  std::atomic<size_t> total{0};
  for (int round = 0; round < 100; ++round) {
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&total, i] {
        thread_local std::map<int, std::string> kept;
        for (int k = 0; k < 50; ++k) {
          kept[k] = std::string(static_cast<size_t>(k * i), 'z');
        }
        total += kept.size();
      });
    }
    std::for_each(threads.begin(), threads.end(), [](std::thread& thread) { thread.join(); });
  }
  return total;
}

struct Grouped : std::numpunct<char> {
  char do_thousands_sep() const override { return '\''; }
  std::string do_grouping() const override { return "\3"; }
};

std::string localised() {
  std::ostringstream out;
  out.imbue(std::locale(std::locale("C.UTF-8"), new Grouped));
  for (int i = 0; i < 2000; ++i) {
    out << std::setw(12) << i * 123457 << std::setprecision(3) << i / 7.0;
  }
  std::string text = out.str();
  const std::regex digits("[0-9]+'[0-9]{3}");
  const auto count = std::distance(std::sregex_iterator(text.begin(), text.end(), digits), {});
  return text.substr(text.size() - 40) + ' ' + std::to_string(count);
}

struct alignas(128) Wide {
  unsigned char bytes[256];
};

size_t containers() {
  std::mt19937 random(5);
  std::unordered_map<size_t, std::vector<std::unique_ptr<Wide>>> map;
  size_t misaligned = 0;
  for (int i = 0; i < 20000; ++i) {
    auto& slot = map[random() % 500];
    slot.push_back(std::make_unique<Wide>());
    misaligned += reinterpret_cast<uintptr_t>(slot.back().get()) % alignof(Wide) != 0 ? 1 : 0;
    if (random() % 3 == 0) {
      slot.clear();
    }
  }
  return misaligned;
}

}  // namespace

int main() {
  std::cout << "caught " << throw_and_catch() << '\n'
            << "handed over " << hand_over() << '\n'
            << "short threads " << short_threads() << '\n'
            << "localised " << localised() << '\n'
            << "misaligned " << containers() << std::endl;
}
