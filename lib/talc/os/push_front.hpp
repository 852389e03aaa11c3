// push_front(): a list that any thread may add to at any time, without a lock.
//
// Whoever takes from it takes all of it, by an exchange of the head: nothing else is safe beside this
// (Treiber, 1986). Used for what waits to be taken back, and for the list of all caches.
#pragma once

#include <atomic>

namespace talc {

// Makes `node` the first one; set_next(node, first) has it lead to the others.
template <class Node, class SetNext>
void push_front(std::atomic<Node*>& head, Node* node, SetNext set_next) {
  Node* first = head.load(std::memory_order_relaxed);
  do {
    set_next(*node, first);
  } while (!head.compare_exchange_weak(first, node, std::memory_order_release,
                                       std::memory_order_relaxed));
}

// The same; `next` is the member that leads to the others.
template <class Node>
void push_front(std::atomic<Node*>& head, Node* node, Node* Node::*next) {
  push_front(head, node, [=](Node& first, Node* second) { first.*next = second; });
}

}  // namespace talc
