/* A program that opens libtalc.so, whose path is its argument, long after its start, and closes it
   again. That is not how talc is to be used; but it must load (its static TLS fits in what is left
   for late comers), serve whoever asks it by name, and stay when it is closed. */
#define _GNU_SOURCE
#include "moments.h"

static void* (*allocate)(size_t);
static void (*release)(void*);

static void* use_talc(void* result) {
  for (size_t i = 1; i < 300; ++i) {
    char* block = allocate(i * 100);
    REQUIRE(block != NULL);
    memset(block, 1, i * 100);
    release(block);
  }
  return result;
}

static void in_thread_and_child(void) {
  pthread_t thread;
  start_threads(&thread, 1, use_talc);
  join_threads(&thread, 1);
  const pid_t child = fork();
  if (child == 0) {
    use_talc(NULL);
    exit(0);
  }
  wait_for(child);
}

int main(int argc, char** argv) {
  REQUIRE(argc == 2);
  pthread_t older; /* its TLS is laid out before talc's has a place in it */
  start_threads(&older, 1, keep_allocating);
  void* library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
  REQUIRE(library != NULL);
  allocate = (void* (*)(size_t))dlsym(library, "malloc");
  release = (void (*)(void*))dlsym(library, "free");
  REQUIRE(allocate != NULL && allocate != malloc);
  void* block = allocate(100);
  in_thread_and_child();
  REQUIRE(dlclose(library) == 0);
  release(block);
  in_thread_and_child();
  stop_threads(&older, 1);
  return 0;
}
