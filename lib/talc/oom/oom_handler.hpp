// What Talc asks when it runs out of memory, and what it tells when memory becomes free.
//
// An OOM handler is any type with
//
//     template <class TalcType>
//     bool handle_oom(TalcType& talc, size_t size, size_t align);
//
// Talc calls it under the caller's lock when no gap serves a request of `size` bytes aligned to
// `align`; what the block costs on top (one tag word, rounding to words, room to align) is not in
// `size`. `talc.oom_handler` is the handler itself. It may claim, extend and truncate heaps of
// `talc`, free what its owner can spare, and change its own state, then returns
//
//     true     "there is more memory now: search again"
//     false    "give up": the allocation returns null
//
// This file holds the concepts and the rules; ErrOnOom and ClaimOnOom are the simplest handlers,
// os/map_on_oom.hpp is the one for hosted programs, docs/examples/ has one to start from.
//
// How a handler loops. After `true` Talc searches, misses again and calls again, for as long as the
// handler says so: one that returns true without adding memory never comes back. So return true
// only if memory was claimed, extended or freed (claim returns an empty span when the memory is too
// small to be a heap; extend returns the old extent when it could not move an edge), and let every
// path that returns true use up something finite: addresses, pages, a list of spare blocks. Small
// steps end but are slow, since each call costs a search over all gaps: grow geometrically, free in
// batches. Builds with TALC_DEBUG stop a handler that says true 64 times while nothing becomes free.
//
// How a handler deadlocks. It runs inside an allocation, so behind a Talck the lock is held. To
// allocate from the same Talck, even indirectly (a log line that formats a string, a container that
// grows), waits for that lock for ever; to allocate from the bare `talc` calls the handler again.
// So do all through the `talc` passed in, and allocate nothing from it. With TALC_DEBUG every lock
// of this library asserts when its holder locks it again (SpinLock, after spinning for seconds).
//
// A handler may also be told when the top of a heap is free, to shrink that heap or drop it:
//
//     static constexpr size_t kTopFreeThreshold = …;   // bytes
//     template <class TalcType>
//     void on_top_free(TalcType& talc, Span heap, size_t free_bytes);
//
// Talc calls it at the end of a free, shrink or realloc that leaves a gap of at least
// kTopFreeThreshold bytes at the top of `heap`; one free may tell of several heaps, and of one that it
// told of before. It may truncate that heap, also to nothing, and extend or claim it again if its
// memory could not be given back; it must do nothing else to `talc`. To avoid giving back what the
// next allocation asks for again, let it keep some slack.
#pragma once

#include "talc/base/span.hpp"

namespace talc {

// Requires of `talc.oom_handler` of type Handler: that it answers TalcType when memory runs out.
template <class Handler, class TalcType>
concept OomHandlerFor = requires(Handler& handler, TalcType& talc, size_t size, size_t align) {
  requires __is_same(decltype(handler.handle_oom(talc, size, align)), bool);
};

// The handlers that also want to know when the top of a heap is free.
template <class Handler, class TalcType>
concept TopFreeHandlerFor = OomHandlerFor<Handler, TalcType> &&
    requires(Handler& handler, TalcType& talc, Span heap, size_t free_bytes) {
  requires Handler::kTopFreeThreshold >
  0;
  requires __is_same(decltype(handler.on_top_free(talc, heap, free_bytes)), void);
};

}  // namespace talc
