// What the tests with refusals do with a heap: blocks of all kinds, taken, resized and dropped.
//
// Each needs some hundred calls of the kernel at most, so that every one of them may fail once.
#pragma once

#include <stddef.h>

namespace talc {

template <class Blocks>
void take_some_of_all(Blocks& blocks) {
  constexpr size_t kKiB = size_t{1} << 10;
  constexpr size_t kMiB = size_t{1} << 20;
  for (size_t i = 0; i < 300; ++i) {
    blocks.take(i * 37 % 8192 + 1);
  }
  for (size_t i = 1; i < 15; ++i) {
    blocks.take(i * i * 16 * kKiB);
    blocks.take_zeroed(i * 10 * kKiB);
  }
  for (size_t i = 5; i < 8; ++i) {
    blocks.take(i * kMiB);
    blocks.take_zeroed(3 * i * kMiB);
    blocks.take(100, size_t{16} << 2 * i);
    blocks.take(i * kMiB, kMiB << i % 5);
  }
}

template <class Blocks>
void grow_and_shrink(Blocks& blocks) {
  constexpr size_t kKiB = size_t{1} << 10;
  constexpr size_t kMiB = size_t{1} << 20;
  for (const size_t first : {size_t{16}, size_t{100}, 9 * kKiB}) {
    const size_t index = blocks.count();
    blocks.take(first);
    for (size_t size = first; blocks.count() > index && size < 9 * kMiB; size *= 2) {
      blocks.resize(index, size + size / 3);
    }
    for (const size_t size : {11 * kMiB, 5 * kMiB, 2 * kMiB, 300 * kKiB, size_t{50}}) {
      if (blocks.count() > index) {
        blocks.resize(index, size);
      }
    }
  }
}

// Leaves some blocks.
template <class Blocks, class Trim>
void do_all_there_is(Blocks& blocks, Trim trim) {
  take_some_of_all(blocks);
  grow_and_shrink(blocks);
  blocks.drop_each(2);
  trim();
  take_some_of_all(blocks);
  blocks.drop_each(3);
}

}  // namespace talc
