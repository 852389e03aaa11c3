// WaitingBlocks: free blocks that wait for their arena's next visitor, since who freed them waits for nobody.
//
//   list  ──> block ──> block ──> block                     through the blocks, by sealed links
//   chain ──> block ──> block ──┐                           made by one thread, for itself
//   list  ──> block ──> block ──┴> block ──> block ──> block    one write to the shared word for all of it
//
// Any thread leaves blocks at any time; whoever takes them has the arena's lock, and takes all of them. Used
// by Arena, which has one list for slots and one for middle blocks; PostedBlocks makes chains.
#pragma once

#include "talc/os/push_front.hpp"
#include "talc/os/sealed_link.hpp"

namespace talc {

class WaitingBlocks {
  // In the block's own memory.
  struct [[gnu::may_alias]] Node {
    SealedLink<Node> link;
  };

 public:
  static constexpr size_t kMinSize = sizeof(Node);

  // Blocks that are to wait together.
  class Chain {
   public:
    // Requires: `block` has kMinSize bytes, which nobody else uses.
    void add(void* block) {
      auto* const node = static_cast<Node*>(block);
      node->link.set(first_);
      first_ = node;
      last_ = last_ == nullptr ? node : last_;
    }
    bool is_empty() const { return first_ == nullptr; }

   private:
    friend WaitingBlocks;
    Node* first_ = nullptr;
    Node* last_ = nullptr;
  };

  // Locks: none. Cost: one atomic operation. Faults if its first block was added twice; another one that was
  // is found when it is taken.
  [[gnu::cold]] void leave(const Chain& chain) {
    if (chain.is_empty()) {
      return;
    }
    if (chain.last_->link.get() != nullptr) [[unlikely]] {
      raise_fault(Fault::double_free, chain.last_);
    }
    push_front(first_, chain.first_, [&](Node&, Node* next) { chain.last_->link.set(next); });
  }
  [[gnu::cold]] void leave(void* block) {
    Chain chain;
    chain.add(block);
    leave(chain);
  }

  bool is_empty() const { return first_.load(std::memory_order_relaxed) == nullptr; }

  // f(block) for each, which is f's from then on. Faults at a link that was written over.
  template <class F>
  void take_all(F f) {
    Node* node = first_.exchange(nullptr, std::memory_order_acquire);
    while (node != nullptr) {
      Node* const next = node->link.get();
      f(static_cast<void*>(node));
      node = next;
    }
  }

  // f(block) for each. Requires: nobody takes them.
  template <class F>
  void for_each(F f) const {
    const Node* node = first_.load(std::memory_order_acquire);
    for (; node != nullptr; node = node->link.get()) {
      f(static_cast<const void*>(node));
    }
  }

  // There are none any more.
  void forget() { first_.store(nullptr, std::memory_order_relaxed); }

 private:
  std::atomic<Node*> first_{nullptr};
};

}  // namespace talc
