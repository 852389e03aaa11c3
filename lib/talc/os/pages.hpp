// Pages: the whole contract with the kernel about memory. Nothing else of talc maps or unmaps any.
//
// Ten primitives over whole pages of private anonymous memory. A refusal is a null or a false,
// never a fault: limits on addresses, on commit and on the number of mappings (which munmap can
// hit, too) are the caller's normal life. errno is left as it was, since `free` must not change it.
// The calls are raw (a program may have replaced mmap by a function that allocates) and few: mmap,
// munmap, mremap, madvise, mprotect in the hardened library only, mincore for statistics and to clear
// huge blocks, and prctl where huge pages are forbidden. All but that are counted, by kind.
//
// MapOnOom, PageMap and HugeBlocks take the kernel as a template argument, so a test that wants a
// refusal derives from Pages and hides one primitive; that is the only place for it.
#pragma once

#include <errno.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <type_traits>

#include "talc/base/span.hpp"
#include "talc/base/word.hpp"
#include "talc/os/thread_sanitizer.hpp"

namespace talc {

class Pages {
 public:
  // Bytes of a page, a power of two: 4 KiB to 64 KiB, known at run time only.
  static size_t page_size() {
    static constinit std::atomic<size_t> known{0};
    size_t size_bytes = known.load(std::memory_order_relaxed);
    if (size_bytes == 0) [[unlikely]] {
      size_bytes = getauxval(AT_PAGESZ);
      known.store(size_bytes, std::memory_order_relaxed);
    }
    return size_bytes;
  }

  // Returns `size_bytes` of fresh memory, all zero, at `hint` if that is free, else where the
  // kernel likes; null if refused. No page is touched. Requires: both are multiples of the page
  // size.
  static char* map(char* hint, size_t size_bytes) {
    void* const memory = ask(Call::mmap, [=] { return call_mmap(hint, size_bytes); });
    return memory == MAP_FAILED ? nullptr : static_cast<char*>(memory);
  }

  // Ensures: if true, the memory is the kernel's again. If false, nothing has changed.
  // Requires: whole pages that map or move gave.
  static bool unmap(Span pages) {
    return ask(Call::munmap, [=] {
             return kUnderThreadSanitizer ? ::munmap(pages.base, pages.size())
                                          : ::syscall(SYS_munmap, pages.base, pages.size());
           }) == 0;
  }

  // Makes the mapping longer or shorter without moving it; what is new is zero. To the kernel,
  // making it shorter is unmapping its end; asked by mremap, qemu-user 7.2 takes from programs of
  // 32 bits what lies above the mapping.
  // Ensures: if false, nothing has changed. Requires: `pages` ends where its mapping ends.
  static bool resize_in_place(Span pages, size_t new_size_bytes) {
    if (new_size_bytes < pages.size()) {
      return unmap(pages.above(pages.base + new_size_bytes));
    }
    return ask(Call::mremap, [=] {
             return ::syscall(SYS_mremap, pages.base, pages.size(), new_size_bytes, 0);
           }) != -1;
  }

  // Moves the pages, not the bytes, to a place where `new_size_bytes` fit; what is new is zero.
  // Returns where they are now, at any page, or null: then nothing has changed.
  static char* move(Span pages, size_t new_size_bytes) {
    if (kUnderThreadSanitizer) {
      return nullptr;  // it would not see that the old addresses are nobody's
    }
    const long moved = ask(Call::mremap, [=] {
      return ::syscall(SYS_mremap, pages.base, pages.size(), new_size_bytes, MREMAP_MAYMOVE);
    });
    return moved == -1 ? nullptr : reinterpret_cast<char*>(moved);
  }

  // Gives the pages' memory back but keeps their addresses. Ensures: if true, they read as zero.
  static bool purge(Span pages) {
    return ask(Call::madvise, [=] {
             return ::syscall(SYS_madvise, pages.base, pages.size(), MADV_DONTNEED);
           }) == 0;
  }

  // Asks for huge pages, best where none of these bytes has been touched yet. Ensures: if true, the
  // pages may now be a mapping apart from what lies below and above them.
  static bool advise_huge(Span pages) {
    const bool is_advised =
        ask(Call::madvise,
            [=] { return ::syscall(SYS_madvise, pages.base, pages.size(), MADV_HUGEPAGE); }) == 0;
    if (is_advised) {
      count_advised(pages);
    }
    return is_advised;
  }
  // What a mapping with such advice has grown by, has it too.
  static void count_advised(Span pages) {
    advised_bytes_.fetch_add(pages.size(), std::memory_order_relaxed);
  }

  // Forbids huge pages in this process and in those that it starts, by fork and by exec; or no longer.
  // False: the kernel would not.
  static bool forbid_huge(bool is_forbidden) {
    const int saved_errno = errno;
    const long result = ::syscall(SYS_prctl, PR_SET_THP_DISABLE, is_forbidden ? 1 : 0, 0, 0, 0);
    errno = saved_errno;
    return result == 0;
  }

  // Asks for small pages only from now on. A huge page of which a part was purged would else be made
  // whole again by the kernel, in the background. Huge pages that are there stay.
  static bool refuse_huge(Span pages) {
    return ask(Call::madvise, [=] {
             return ::syscall(SYS_madvise, pages.base, pages.size(), MADV_NOHUGEPAGE);
           }) == 0;
  }

  // Makes the pages resident now, in one call instead of a fault for each: a favour, which kernels
  // before 5.14 do not know. Returns whether it was done.
  static bool populate(Span pages) {
    constexpr int kPopulateWrite = 23;
    static constinit std::atomic<bool> is_unknown{false};
    if (is_unknown.load(std::memory_order_relaxed)) {
      return false;
    }
    const int error = ask(Call::madvise, [=] {
      return ::syscall(SYS_madvise, pages.base, pages.size(), kPopulateWrite) == 0 ? 0 : errno;
    });
    if (error == 0) {
      populated_bytes_.fetch_add(pages.size(), std::memory_order_relaxed);
    } else if (error == EINVAL) {
      is_unknown.store(true, std::memory_order_relaxed);
    }
    return error == 0;
  }

  // Whether anybody may touch these pages. Ensures: if false, nothing has changed. The pages may be a
  // mapping apart from what lies below and above them.
  static bool set_accessible(Span pages, bool accessible) {
    return ask(Call::mprotect, [=] {
             return ::syscall(SYS_mprotect, pages.base, pages.size(),
                              accessible ? kAccess : PROT_NONE);
           }) == 0;
  }

  // How many of these bytes are in memory; 0 if the kernel does not tell. Cost: a system call for
  // each 2048 pages.
  static size_t resident_bytes(Span pages) {
    size_t resident = 0;
    unsigned char flags[2048];
    while (pages.is_sized()) {
      const Span part =
          pages.fit_within(Span::from_base_size(pages.base, sizeof flags * page_size()));
      if (ask(Call::mincore,
              [&] { return ::syscall(SYS_mincore, part.base, part.size(), flags); }) != 0) {
        return resident;
      }
      for (size_t i = 0; i < part.size() / page_size(); ++i) {
        resident += (flags[i] & 1) * page_size();
      }
      pages.base = part.acme;
    }
    return resident;
  }

  // A number that differs from process to process and that nobody else knows: made of what the kernel
  // gives each program for such purposes. 0 until learn_secret was called, which threads may do at
  // any time, and again.
  static size_t secret() { return secret_.load(std::memory_order_relaxed); }
  static void learn_secret() {
    if (secret() == 0) [[unlikely]] {
      secret_.store(mix_secret(reinterpret_cast<const void*>(getauxval(AT_RANDOM))),
                    std::memory_order_relaxed);
    }
  }

  // How often the kernel was asked for anything above, of one kind or of all.
  enum class Call : unsigned char { mmap, munmap, mremap, madvise, mprotect, mincore };
  static constexpr unsigned kCallKinds = 6;
  static size_t system_calls(Call kind) {
    return calls_[static_cast<unsigned>(kind)].load(std::memory_order_relaxed);
  }
  static size_t system_calls() {
    size_t sum = 0;
    for (const std::atomic<size_t>& calls : calls_) {
      sum += calls.load(std::memory_order_relaxed);
    }
    return sum;
  }
  // Bytes with advice for huge pages, ever.
  static size_t advised_bytes() { return advised_bytes_.load(std::memory_order_relaxed); }
  // Bytes populated, ever.
  static size_t populated_bytes() { return populated_bytes_.load(std::memory_order_relaxed); }

 private:
  // libc takes its own secrets from the same bytes: who learns ours must not learn those.
  static size_t mix_secret(const void* random) {
    uint64_t words[2] = {address_of(&secret_), 0};
    if (random != nullptr) {
      __builtin_memcpy(words, random, sizeof words);
    }
    uint64_t mixed = words[0] ^ (words[1] << 23 | words[1] >> 41);
    mixed = (mixed ^ mixed >> 32) * 0xD6E8FEB86659FD93U;
    return static_cast<size_t>(mixed ^ mixed >> 32) | 1;
  }

  static constexpr int kAccess = PROT_READ | PROT_WRITE;
  static constexpr int kKind = MAP_PRIVATE | MAP_ANONYMOUS;

  // Makes one system call and counts it.
  template <class F>
  static std::invoke_result_t<F> ask(Call kind, F call) {
    const int saved_errno = errno;
    const auto result = call();
    errno = saved_errno;
    calls_[static_cast<unsigned>(kind)].fetch_add(1, std::memory_order_relaxed);
    return result;
  }

  static void* call_mmap(char* hint, size_t size_bytes) {
#if defined(__s390__) || \
    TALC_UNDER_THREAD_SANITIZER  // on s390, the call takes a block of arguments
    return ::mmap(hint, size_bytes, kAccess, kKind, -1, 0);
#elif defined(SYS_mmap2)
    return reinterpret_cast<void*>(::syscall(SYS_mmap2, hint, size_bytes, kAccess, kKind, -1, 0));
#else
    return reinterpret_cast<void*>(::syscall(SYS_mmap, hint, size_bytes, kAccess, kKind, -1, 0));
#endif
  }

  static inline constinit std::atomic<size_t> calls_[kCallKinds] = {};
  static inline constinit std::atomic<size_t> advised_bytes_{0};
  static inline constinit std::atomic<size_t> populated_bytes_{0};
  static inline constinit std::atomic<size_t> secret_{0};
};

// Returns `size_bytes` of fresh memory aligned to `align`, or null. What was mapped too much in
// order to find a place is unmapped; should that fail, it stays behind, untouched and without
// memory.
// Requires: `align` is a power of two; `size_bytes` is a multiple of the page size.
template <class Kernel>
char* map_aligned(size_t size_bytes, size_t align) {
  char* const lucky = Kernel::map(nullptr, size_bytes);
  if (lucky == nullptr || is_aligned(lucky, align)) {
    return lucky;
  }
  Kernel::unmap(Span::from_base_size(lucky, size_bytes));
  const size_t wide_bytes = size_bytes + align - Kernel::page_size();
  char* const wide = wide_bytes < size_bytes ? nullptr : Kernel::map(nullptr, wide_bytes);
  if (wide == nullptr) {
    return nullptr;
  }
  char* const base = align_up(wide, align);
  const Span below(wide, base);
  const Span above(base + size_bytes, wide + wide_bytes);
  if (below.is_sized()) {
    Kernel::unmap(below);
  }
  if (above.is_sized()) {
    Kernel::unmap(above);
  }
  return base;
}

}  // namespace talc
