// The room for reports, shared or mapped. See report_buffer.hpp.
#include "interpose/report_buffer.hpp"

#include <atomic>

#include "talc/os/atomic_switch.hpp"
#include "talc/os/pages.hpp"

namespace talc {
namespace {

constinit AtomicSwitch is_taken{false};

// Bytes rather than an object: its members' initial values would make it part of the file.
alignas(64) constinit char shared_room[sizeof(Snapshot) + ReportBuffer::kTextBytes + 64] = {};

}  // namespace

ReportBuffer::Room* ReportBuffer::shared() {
  static_assert(sizeof(Room) <= sizeof shared_room);
  return reinterpret_cast<Room*>(shared_room);
}

size_t ReportBuffer::mapped_bytes() { return align_up(sizeof(Room), Pages::page_size()); }

ReportBuffer::ReportBuffer() {
  room_ = is_taken.exchange(true, std::memory_order_acquire)
              ? reinterpret_cast<Room*>(Pages::map(nullptr, mapped_bytes()))
              : shared();
}

ReportBuffer::~ReportBuffer() {
  if (room_ == shared()) {
    is_taken.store(false, std::memory_order_release);
  } else if (room_ != nullptr) {
    Pages::unmap(Span::from_base_size(reinterpret_cast<char*>(room_), mapped_bytes()));
  }
}

}  // namespace talc
