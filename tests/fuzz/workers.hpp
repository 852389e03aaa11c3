// Workers: threads of which one runs at a time, when it is told to and until it is done. So several
// threads use malloc, and yet an input always does the same.
#pragma once

#include <pthread.h>
#include <semaphore.h>

#include "require.hpp"

namespace fuzz {

class Workers {
 public:
  static constexpr unsigned kCount = 3;

  static constexpr size_t kStackBytes = size_t{512} << 10;

  using Task = void (*)();

  bool is_there(unsigned index) const { return workers_[index].is_there; }

  // What libc allocates for a thread it keeps for the next one, with the stack, if that is no large one:
  // after this, threads begin and end without allocating. Returns true.
  bool warm_up() {
    for (unsigned i = 0; i < kCount; ++i) {
      begin(i);
    }
    for (unsigned i = 0; i < kCount; ++i) {
      end(i);
    }
    return true;
  }

  void begin(unsigned index) {
    Worker& worker = workers_[index];
    sem_init(&worker.has_task, 0, 0);
    sem_init(&worker.is_done, 0, 0);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, kStackBytes);
    require(pthread_create(&worker.thread, &attributes, &live, &worker) == 0, "no thread");
    pthread_attr_destroy(&attributes);
    worker.is_there = true;
  }

  // Returns when the thread is gone.
  void end(unsigned index) {
    Worker& worker = workers_[index];
    worker.task = nullptr;
    sem_post(&worker.has_task);
    pthread_join(worker.thread, nullptr);
    worker.is_there = false;
  }

  // Returns when the task is done. Requires: is_there(index).
  void run(unsigned index, Task task) {
    Worker& worker = workers_[index];
    worker.task = task;
    sem_post(&worker.has_task);
    wait(worker.is_done);
  }

 private:
  struct Worker {
    pthread_t thread;
    sem_t has_task;
    sem_t is_done;
    Task task;
    bool is_there = false;
  };

  static void wait(sem_t& semaphore) {
    while (sem_wait(&semaphore) != 0) {
    }
  }

  static void* live(void* argument) {
    Worker& worker = *static_cast<Worker*>(argument);
    for (;;) {
      wait(worker.has_task);
      if (worker.task == nullptr) {
        return nullptr;
      }
      worker.task();
      sem_post(&worker.is_done);
    }
  }

  Worker workers_[kCount];
};

}  // namespace fuzz
