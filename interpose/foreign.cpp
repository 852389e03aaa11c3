// Handing on what is not ours. See foreign.hpp.
//
// dlsym is looked up weakly, and called when the first such pointer comes, not at the start: it
// allocates, from us, and may free what is not ours, in which case this thread ignores it. Several
// threads may look at once; they find the same.
#include "interpose/foreign.hpp"

#include <dlfcn.h>
#include <errno.h>

#pragma weak dlsym

namespace talc::foreign {
namespace {

template <class Function>
class Next {
 public:
  constexpr explicit Next(const char* name) : name_(name) {}

  // The next library's; null if the pointer is to be ignored, or there is none.
  Function* get() {
    if (settings.foreign.load(std::memory_order_relaxed) != Foreign::libc) {
      return nullptr;
    }
    Function* const known = function_.load(std::memory_order_relaxed);
    return known != nullptr ? known : look();
  }

 private:
  Function* look() {
    if (&dlsym == nullptr || ThreadNote::is_looking()) {
      return nullptr;
    }
    const int saved_errno = errno;
    ThreadNote::set_looking(true);
    auto* const found = reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name_));
    ThreadNote::set_looking(false);
    errno = saved_errno;
    function_.store(found, std::memory_order_relaxed);
    return found;
  }

  const char* name_;
  std::atomic<Function*> function_{nullptr};
};

constinit Next<void(void*)> next_free("free");
constinit Next<void*(void*, size_t)> next_realloc("realloc");
constinit Next<size_t(void*)> next_usable_size("malloc_usable_size");

}  // namespace

void release(void* block) {
  if (auto* const function = next_free.get()) {
    function(block);
  }
}

void* reallocate(void* block, size_t size) {
  if (auto* const function = next_realloc.get()) {
    return function(block, size);
  }
  errno = ENOMEM;
  return nullptr;
}

size_t usable_size(void* block) {
  auto* const function = next_usable_size.get();
  return function == nullptr ? 0 : function(block);
}

}  // namespace talc::foreign
