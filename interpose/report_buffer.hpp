// ReportBuffer: room for a snapshot and for the text of its report, which is written at once.
//
// More than a stack has, and reports must not allocate: there is one such room, in .bss and untouched
// until it is needed. Who finds it taken (by another thread, or for good in a fork's child) maps one
// of his own; who gets none does without a report.
#pragma once

#include "interpose/snapshot.hpp"

namespace talc {

class ReportBuffer {
 public:
  // Holds any report; a test prints the largest.
  static constexpr size_t kTextBytes = size_t{768} << 10;

  ReportBuffer();
  ~ReportBuffer();
  ReportBuffer(const ReportBuffer&) = delete;
  ReportBuffer& operator=(const ReportBuffer&) = delete;

  explicit operator bool() const { return room_ != nullptr; }
  Snapshot& snapshot() { return room_->snapshot; }
  char* text() { return room_->text; }

 private:
  struct Room {
    Snapshot snapshot;
    char text[kTextBytes];
  };
  static size_t mapped_bytes();

  Room* room_;
  static Room* shared();
};

}  // namespace talc
