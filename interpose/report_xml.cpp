// The report as glibc's malloc_info writes it, for programs that read that: a heap for each arena, what
// is free, what is mapped one by one, what came from the kernel. Then one element of ours, which such
// programs pass over: all fields, the size classes and the threads' caches.
//
// glibc's "fast" and "rest" are free pieces of memory. Here the fast ones are what threads have at
// hand, the rest is in slabs and gaps.
#include "interpose/report.hpp"
#include "talc/base/version.hpp"

namespace talc {
namespace {

// ` name="value"`
TextWriter& print_attribute(TextWriter& out, const char* name, uint64_t value) {
  return out.character(' ').text(name).text("=\"").decimal(value).character('"');
}

void print_escaped(TextWriter& out, const char* string) {
  for (const char* at = string; *at != '\0'; ++at) {
    const auto byte = static_cast<unsigned char>(*at);
    if (byte >= ' ' && byte < 0x7f && byte != '"' && byte != '&' && byte != '<') {
      out.character(*at);
    } else {
      // No control character is allowed in XML, not even as a number.
      byte < ' ' ? out.character('?') : out.text("&#").decimal(byte).character(';');
    }
  }
}

void print_total(TextWriter& out, const char* type, size_t count, size_t bytes) {
  out.text("<total type=\"").text(type).character('"');
  print_attribute(print_attribute(out, "count", count), "size", bytes).text("/>\n");
}

void print_system(TextWriter& out, const char* type, size_t bytes) {
  out.text("<system type=\"").text(type).character('"');
  print_attribute(out, "size", bytes).text("/>\n");
}

void print_totals(TextWriter& out, const MemoryStats& stats, size_t at_hand) {
  print_total(out, "fast", 0, at_hand);
  print_total(out, "rest", stats.fragments, stats.retained - at_hand);
}

void print_arenas(TextWriter& out, const ProcessStats& stats) {
  for (unsigned i = 0; i < stats.arena_count; ++i) {
    const ArenaStats& arena = stats.arenas[i];
    print_attribute(out.text("<heap"), "nr", i).text(">\n<sizes>\n</sizes>\n");
    print_totals(out, arena, arena.cached);
    print_system(out, "current", arena.mapped);
    out.text("</heap>\n");
  }
}

void print_field(TextWriter& out, const char* group, const char* name, Unit unit, uint64_t value) {
  out.text("<field name=\"").text(group).text(name).text("\" value=\"");
  print_value(out, unit, value).text("\"/>\n");
}

// By the keys that they have in JSON.
void print_fields(TextWriter& out, const Snapshot& snapshot) {
  for (const Field& field : kFields) {
    print_field(out, "", field.name, field.unit, snapshot.stats.*field.value);
  }
  if (const size_t limit = settings.heap_limit; limit != Settings::kUnlimited) {
    print_field(out, "", "heap_limit", Unit::kBytes, limit);
  }
  for (const KernelField& field : kKernelFields) {
    if (const uint64_t value = snapshot.kernel.*field.value; value != ProcessMemory::kUnknown) {
      print_field(out, "kernel.", field.name, field.unit, value);
    }
  }
  for (const CallField& field : kCallFields) {
    print_field(out, "calls.", field.name, Unit::kCount, snapshot.calls.*field.value);
  }
  for (const PurgeField& field : kPurgeFields) {
    print_field(out, "purges.", field.name, field.unit, snapshot.stats.*field.value);
  }
  print_field(out, "thp.", "advised", Unit::kBytes, snapshot.advised_bytes);
  for (const MiddleField& field : kMiddleFields) {
    print_field(out, "middle.", field.name, Unit::kCount, snapshot.stats.*field.value);
  }
}

void print_classes(TextWriter& out, const HeapDetail& detail) {
  for (unsigned i = 0; i < SizeClasses::kCount; ++i) {
    if (!detail.classes[i].has_any()) {
      continue;
    }
    print_attribute(out.text("<class"), "size", SizeClasses::size_of(i));
    for (const ClassField& field : kClassFields) {
      print_attribute(out, field.name, detail.classes[i].*field.value);
    }
    out.text("/>\n");
  }
}

void print_threads(TextWriter& out, const HeapDetail& detail) {
  for (unsigned i = 0; i < detail.thread_count; ++i) {
    const ThreadStats& thread = detail.threads[i];
    print_attribute(out.text("<thread"), "arena", thread.arena);
    out.text(" active=\"").text(thread.is_active ? "true" : "false").character('"');
    print_attribute(out, "cached", thread.cached);
    print_attribute(out, "in_transit", thread.in_transit);
    print_attribute(out, "hot", thread.hot).text("/>\n");
  }
}

void print_ours(TextWriter& out, const Subject& subject, const Snapshot& snapshot) {
  out.text("<talc library=\"").text(subject.library).text("\" version=\"").text(kVersion);
  print_escaped(out.text("\" program=\""), subject.program);
  print_attribute(out.character('"'), "process", static_cast<uint64_t>(subject.process));
  out.text(" reason=\"").text(name_of(snapshot.reason)).text("\">\n");
  print_fields(out, snapshot);
  print_classes(out, snapshot.detail);
  print_threads(out, snapshot.detail);
  out.text("</talc>\n");
}

}  // namespace

void print_xml_report(TextWriter& out, const Subject& subject, const Snapshot& snapshot) {
  const ProcessStats& stats = snapshot.stats;
  out.text("<malloc version=\"1\">\n");
  print_arenas(out, stats);
  print_totals(out, stats, stats.cached);
  print_total(out, "mmap", stats.huge_blocks, stats.huge_bytes);
  print_system(out, "current", stats.mapped);
  print_system(out, "max", stats.peak);
  print_ours(out, subject, snapshot);
  out.text("</malloc>\n");
}

}  // namespace talc
