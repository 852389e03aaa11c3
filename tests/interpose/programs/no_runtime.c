/* A program without a C++ runtime that calls operator new, as one does that opens a C++ library
   later. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef void* New(size_t size);
typedef void* AlignedNew(size_t size, size_t align);
typedef void* NothrowNew(size_t size, const void* tag);
typedef void Delete(void* block);

static void* find(const char* mangled) { return dlsym(RTLD_DEFAULT, mangled); }

int main(int argc, char** argv) {
  const char* const how = argc == 2 ? argv[1] : "";
  volatile size_t too_large = SIZE_MAX / 2;
  if (find("__gxx_personality_v0") != NULL) {
    return 3;
  }
  if (strcmp(how, "allocate") == 0) {
    ((Delete*)find("_ZdlPv"))(((New*)find("_Znwm"))(100));
    ((Delete*)find("_ZdaPv"))(((NothrowNew*)find("_ZnamRKSt9nothrow_t"))(100, ""));
    return 0;
  }
  if (strcmp(how, "new") == 0) {
    ((New*)find("_Znwm"))(too_large);
  } else if (strcmp(how, "new_array") == 0) {
    ((New*)find("_Znam"))(too_large);
  } else if (strcmp(how, "new_aligned") == 0) {
    ((AlignedNew*)find("_ZnwmSt11align_val_t"))(too_large, 64);
  } else if (strcmp(how, "nothrow") == 0) {
    return ((NothrowNew*)find("_ZnwmRKSt9nothrow_t"))(too_large, "") == NULL &&
                   ((NothrowNew*)find("_ZnamRKSt9nothrow_t"))(too_large, "") == NULL
               ? 0
               : 1;
  }
  return 2;
}
