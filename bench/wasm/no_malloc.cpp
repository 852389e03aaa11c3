// The module without an allocator, to which sizes are compared: it has the functions, and they do nothing.
#include <stddef.h>

extern "C" {
void* malloc(size_t) { return nullptr; }
void free(void*) {}
void* realloc(void*, size_t) { return nullptr; }
}
