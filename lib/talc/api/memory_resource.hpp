// MemoryResource: a std::pmr::memory_resource that allocates from a Talc or a Talck.
//
//     talc::MemoryResource resource(heap);
//     std::pmr::vector<int> numbers(&resource);
//
// It refers to its source and adds no state; over a Talc it is for one thread, over a Talck for all.
// Two resources are equal, so that one may free the other's blocks, if their source is the same.
#pragma once

#include <memory_resource>

#include "talc/api/block_source.hpp"

namespace talc {

template <BlockSource Source>
class MemoryResource final : public std::pmr::memory_resource {
 public:
  // Requires: `source` outlives the resource and what was allocated through it, and is not moved.
  explicit MemoryResource(Source& source) : source_(&source) {}

  // What it allocates from.
  Source& source() const { return *source_; }

 private:
  // Throws std::bad_alloc where the source returns null; without exceptions, traps. Cost and locks: the
  // source's.
  void* do_allocate(size_t bytes, size_t align) override {
    void* const block = source_->malloc(bytes, align);
    if (block == nullptr) {
      throw_bad_alloc();
    }
    return block;
  }

  void do_deallocate(void* block, size_t bytes, size_t /*align*/) override {
    source_->free(block, bytes);
  }

  // Without RTTI two types of resource cannot be told apart; then only a resource itself is equal.
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
#ifdef __cpp_rtti
    const auto* const same_type = dynamic_cast<const MemoryResource*>(&other);
    return same_type != nullptr && same_type->source_ == source_;
#else
    return &other == this;
#endif
  }

  Source* source_;
};

}  // namespace talc
