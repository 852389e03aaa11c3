// The reserve and the program's handler. See out_of_memory.hpp.
#include "interpose/out_of_memory.hpp"

#include <errno.h>
#include <stdint.h>

namespace talc {
namespace {

bool ask(int event, size_t size) {
  const auto handler = oom_handler.get();
  if (handler.function == nullptr) {
    return false;
  }
  const int saved_errno = errno;
  ThreadNote::set_asking(true);
  const bool is_again = handler.function(event, size, handler.arg) != 0;
  ThreadNote::set_asking(false);
  errno = saved_errno;
  return is_again;
}

}  // namespace

bool relieve(size_t size) {
  // Nothing helps against a size that is none. Who forks may hold locks of ours.
  if (size > PTRDIFF_MAX || ThreadNote::is_asking() || ThreadNote::is_forking()) {
    return false;
  }
  if (process_heap().reserve().give_up() != 0) {
    ask(TALC_OOM_RESERVE, size);
    return true;
  }
  return ask(TALC_OOM_REFUSED, size);
}

}  // namespace talc
