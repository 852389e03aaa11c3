// A program that replaces only operator new(size_t) and operator delete(void*), with a header
// before each block: any other operator that does not end up in these two hands out or frees what
// the pair can't take. Exits with 0 when each of the others did. Run under preload and linked with
// libtalc.a.
#include <stdio.h>
#include <stdlib.h>

#include <new>

// clang declares them with -fsized-deallocation only.
void operator delete(void* block, size_t size) noexcept;
void operator delete[](void* block, size_t size) noexcept;
void operator delete(void* block, size_t size, std::align_val_t align) noexcept;
void operator delete[](void* block, size_t size, std::align_val_t align) noexcept;

namespace {

constexpr size_t kHeader = 32;
constexpr int kMagic = 0x7a1c;
int live = 0;
int failures = 0;

void expect_live(int expected, const char* what) {
  if (live != expected) {
    printf("%s: %d blocks live, not %d\n", what, live, expected);
    failures += 1;
  }
}

struct Sized {
  ~Sized() {}  // so that new[] keeps a count and delete[] knows a size
  char bytes[24];
};

}  // namespace

void* operator new(size_t size) {
  char* const block = static_cast<char*>(malloc(size + kHeader));
  if (block == nullptr || size > (size_t{1} << 40)) {
    free(block);
    throw std::bad_alloc();
  }
  *reinterpret_cast<int*>(block) = kMagic;
  live += 1;
  return block + kHeader;
}

void operator delete(void* ptr) noexcept {
  if (ptr == nullptr) {
    return;
  }
  char* const block = static_cast<char*>(ptr) - kHeader;
  if (*reinterpret_cast<int*>(block) != kMagic) {
    puts("a block without a header came to operator delete");
    exit(2);
  }
  *reinterpret_cast<int*>(block) = 0;
  live -= 1;
  free(block);
}

int main() {
  void* block = ::operator new[](10);
  expect_live(1, "new[]");
  ::operator delete[](block);
  expect_live(0, "delete[]");

  block = ::operator new(10, std::nothrow);
  expect_live(1, "new nothrow");
  ::operator delete (block, size_t{10});
  expect_live(0, "sized delete");

  block = ::operator new[](10, std::nothrow);
  expect_live(1, "new[] nothrow");
  ::operator delete[](block, size_t{10});
  expect_live(0, "sized delete[]");

  block = ::operator new(10);
  ::operator delete(block, std::nothrow);
  expect_live(0, "nothrow delete");
  block = ::operator new[](10);
  ::operator delete[](block, std::nothrow);
  expect_live(0, "nothrow delete[]");

  Sized* const many = new Sized[10];
  expect_live(1, "new T[]");
  delete[] many;
  expect_live(0, "delete[] T");

  volatile size_t too_large = size_t{1} << 50;
  if (::operator new(too_large, std::nothrow) != nullptr ||
      ::operator new[](too_large, std::nothrow) != nullptr) {
    puts("nothrow gave a block that the program's own operator refuses");
    failures += 1;
  }

  // The aligned family was not replaced, and is its own.
  block = ::operator new (10, std::align_val_t{64});
  ::operator delete[](::operator new[](10, std::align_val_t{64}), size_t{10}, std::align_val_t{64});
  ::operator delete (block, std::align_val_t{64});
  expect_live(0, "aligned");
  return failures == 0 ? 0 : 1;
}
