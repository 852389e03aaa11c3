// What libtalc.so does about its own .bss, which libtalc.a must not do to a program's.
//
// The page map's tables make it 9 MiB, of which most processes touch some pages. Where the kernel gives
// huge pages unasked (THP `always`), the first of these would become 2 MiB: small pages are asked for
// before. All of it at once, or the mapping would be split, which costs more than the call.
#include <sys/auxv.h>

#include "interpose/process.hpp"
#include "talc/os/pages.hpp"

// The linker's.
extern "C" [[gnu::visibility("hidden")]] char __bss_start[];
extern "C" [[gnu::visibility("hidden")]] char _end[];  // NOLINT: its name

namespace talc {

void refuse_huge_pages_of_library() {
  // Pages::page_size() would touch what it remembers.
  const size_t page_size = getauxval(AT_PAGESZ);
  Pages::refuse_huge(Span(align_up(__bss_start, page_size), align_up(_end, page_size)));
}

}  // namespace talc
