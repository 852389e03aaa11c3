// The report as text, to be read at a glance: where the bytes are, the largest first; then sums and
// counts; then what classes, arenas and threads hold.
#include "interpose/report.hpp"
#include "talc/base/c_string.hpp"
#include "talc/base/version.hpp"

namespace talc {
namespace {

constexpr size_t kNameWidth = 16;
constexpr size_t kValueWidth = 16;
constexpr size_t kColumnWidth = 13;
constexpr unsigned kMaxRows = 12;  // of classes, and of threads

// At most one decimal and a binary unit, 10 characters wide: "  11.8 MiB".
void print_magnitude(TextWriter& out, uint64_t bytes) {
  const char* const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  size_t unit = 0;
  uint64_t whole = bytes;
  uint64_t tenths = 0;
  while (whole >= 1024 && unit + 1 < sizeof units / sizeof *units) {
    tenths = whole % 1024 * 10 / 1024;
    whole /= 1024;
    ++unit;
  }
  out.decimal(whole, 4);
  if (unit != 0) {
    out.character('.').decimal(tenths);
  }
  out.character(' ').text_left(units[unit], unit == 0 ? 5 : 3);
}

// " 67.8%"
void print_share(TextWriter& out, uint64_t part, uint64_t whole) {
  const uint64_t divisor = whole / 1000 == 0 ? 1 : whole / 1000;
  const uint64_t tenths = part / divisor > 1000 ? 1000 : part / divisor;
  out.decimal(tenths / 10, 5).character('.').decimal(tenths % 10).character('%');
}

TextWriter& begin_line(TextWriter& out, const char* name) {
  return out.text("  ").text_left(name, kNameWidth);
}

void print_line(TextWriter& out, const char* name, Unit unit, uint64_t value, const char* meaning) {
  begin_line(out, name);
  if (unit == Unit::kMilliseconds) {
    char text[32];
    TextWriter seconds(text, sizeof text - 1);
    print_seconds(seconds, value).text(" s");
    text[seconds.size()] = '\0';
    out.text_right(text, kValueWidth).repeat(' ', 12);
  } else {
    out.decimal(value, kValueWidth).text("  ");
    if (unit == Unit::kBytes) {
      print_magnitude(out, value);
    } else {
      out.repeat(' ', 10);
    }
  }
  out.repeat(' ', 10).text(meaning).character('\n');
}

// ---- where the bytes are ----

// What is mapped, in parts that do not overlap.
struct Part {
  const char* name;
  size_t bytes;
  const char* meaning;
};

// As the table of fields has it.
Part part_of(const char* name, const ProcessStats& stats) {
  for (const Field& field : kFields) {
    if (are_equal(field.name, name)) {
      return {name, stats.*field.value, field.meaning};
    }
  }
  return {name, 0, ""};
}

template <class T, size_t kCount, class Key>
void sort_down(T (&items)[kCount], size_t count, Key key) {
  for (size_t i = 1; i < count; ++i) {
    const T item = items[i];
    size_t at = i;
    for (; at != 0 && key(items[at - 1]) < key(item); --at) {
      items[at] = items[at - 1];
    }
    items[at] = item;
  }
}

void print_parts(TextWriter& out, const ProcessStats& stats) {
  Part parts[] = {part_of("allocated", stats),
                  {"overhead", stats.active - stats.allocated, "what live blocks cost beside that"},
                  part_of("metadata", stats),
                  part_of("cached", stats),
                  part_of("in_transit", stats),
                  part_of("slab_free", stats),
                  part_of("group_free", stats),
                  part_of("gaps", stats),
                  part_of("kept", stats),
                  part_of("reserve", stats)};
  constexpr size_t kCount = sizeof parts / sizeof *parts;
  sort_down(parts, kCount, [](const Part& part) { return part.bytes; });
  for (const Part& part : parts) {
    begin_line(out, part.name).decimal(part.bytes, kValueWidth).text("  ");
    print_magnitude(out, part.bytes);
    print_share(out, part.bytes, stats.mapped);
    out.text("   ").text(part.meaning).character('\n');
  }
  out.text("  ").repeat('-', kNameWidth + kValueWidth + 19).character('\n');
}

// Those that are neither in the first part nor told elsewhere.
void print_sums(TextWriter& out, const Snapshot& snapshot) {
  static constexpr FieldName kInOrder[] = {
      "mapped",     "active",   "retained",  "dirty",          "purged", "slabs",
      "huge_bytes", "resident", "populated", "populated_ever", "peak",   "peak_uptime"};
  for (const FieldName& name : kInOrder) {
    for (const Field& field : kFields) {
      if (are_equal(field.name, name)) {
        print_line(out, name, field.unit, snapshot.stats.*field.value, field.meaning);
      }
    }
  }
  for (const KernelField& field : kKernelFields) {
    if (snapshot.kernel.*field.value != ProcessMemory::kUnknown && field.unit == Unit::kBytes) {
      print_line(out, field.name, field.unit, snapshot.kernel.*field.value, field.meaning);
    }
  }
  print_line(out, "thp_advised", Unit::kBytes, snapshot.advised_bytes, kAdvisedMeaning);
  if (const size_t limit = settings.heap_limit; limit != Settings::kUnlimited) {
    print_line(out, "heap_limit", Unit::kBytes, limit, kLimitMeaning);
  }
}

void print_counts(TextWriter& out, const Snapshot& snapshot) {
  out.character('\n');
  for (const Field& field : kFields) {
    if (field.unit == Unit::kCount) {
      print_line(out, field.name, field.unit, snapshot.stats.*field.value, field.meaning);
    }
  }
  for (const CallField& field : kCallFields) {
    print_line(out, field.name, Unit::kCount, snapshot.calls.*field.value, "calls of it");
  }
  for (const PurgeField& field : kPurgeFields) {
    const char* const name = field.unit == Unit::kBytes ? "purged_ever" : "purge_passes";
    print_line(out, name, field.unit, snapshot.stats.*field.value, field.meaning);
  }
  for (const KernelField& field : kKernelFields) {
    if (snapshot.kernel.*field.value != ProcessMemory::kUnknown && field.unit == Unit::kCount &&
        field.only_grows) {
      print_line(out, field.name, field.unit, snapshot.kernel.*field.value, field.meaning);
    }
  }
}

// ---- tables ----

// Classes by the bytes of their slots that no block has.
void print_classes(TextWriter& out, const HeapDetail& detail) {
  const auto unused = [&](uint8_t index) {
    const ClassStats& stats = detail.classes[index];
    return (stats.slots - stats.live) * SizeClasses::size_of(index);
  };
  uint8_t order[SizeClasses::kCount];
  size_t count = 0;
  for (unsigned i = 0; i < SizeClasses::kCount; ++i) {
    if (detail.classes[i].slabs != 0) {
      order[count++] = static_cast<uint8_t>(i);
    }
  }
  if (count == 0) {
    return;
  }
  sort_down(order, count, unused);
  out.text("\n   size").text_right("unused bytes", kColumnWidth);
  for (const ClassField& field : kClassFields) {
    out.text_right(field.name, kColumnWidth);
  }
  out.character('\n');
  for (size_t i = 0; i < count && i < kMaxRows; ++i) {
    out.decimal(SizeClasses::size_of(order[i]), 7).decimal(unused(order[i]), kColumnWidth);
    for (const ClassField& field : kClassFields) {
      out.decimal(detail.classes[order[i]].*field.value, kColumnWidth);
    }
    out.character('\n');
  }
  if (count > kMaxRows) {
    out.text("    and ").decimal(count - kMaxRows).text(" size classes more\n");
  }
}

void print_arenas(TextWriter& out, const ProcessStats& stats) {
  out.text("\n  arena");
  for (const ArenaField& field : kArenaFields) {
    if (field.is_in_text) {
      out.text_right(field.name, kColumnWidth);
    }
  }
  out.character('\n');
  for (unsigned arena = 0; arena < stats.arena_count; ++arena) {
    out.decimal(arena, sizeof "  arena" - 1);
    for (const ArenaField& field : kArenaFields) {
      if (field.is_in_text) {
        out.decimal(stats.arenas[arena].*field.value, kColumnWidth);
      }
    }
    out.character('\n');
  }
}

// Caches by the bytes that they hold.
void print_threads(TextWriter& out, const HeapDetail& detail) {
  if (detail.thread_count == 0) {
    return;
  }
  uint8_t order[HeapDetail::kMaxThreads];
  static_assert(HeapDetail::kMaxThreads <= 256);
  for (unsigned i = 0; i < detail.thread_count; ++i) {
    order[i] = static_cast<uint8_t>(i);
  }
  sort_down(order, detail.thread_count, [&](uint8_t index) {
    return detail.threads[index].cached + detail.threads[index].in_transit;
  });
  out.text("\n thread").text_right("arena", kColumnWidth).text_right("cached", kColumnWidth);
  out.text_right("in_transit", kColumnWidth).text_right("hot", kColumnWidth).character('\n');
  for (unsigned i = 0; i < detail.thread_count && i < kMaxRows; ++i) {
    const ThreadStats& thread = detail.threads[order[i]];
    out.text_right(thread.is_active ? "active" : "ended", 7).decimal(thread.arena, kColumnWidth);
    out.decimal(thread.cached, kColumnWidth).decimal(thread.in_transit, kColumnWidth);
    out.decimal(thread.hot, kColumnWidth).character('\n');
  }
  const unsigned all = detail.thread_count + detail.threads_left_out;
  if (all > kMaxRows) {
    out.text("    and ").decimal(all - kMaxRows).text(" caches of threads more\n");
  }
}

}  // namespace

void print_text_report(TextWriter& out, const Subject& subject, const Snapshot& snapshot) {
  const char* const reasons[] = {"at the end", "in between", "for a signal", "for a call"};
  out.text("talc: ").text(subject.program).text(", process ");
  out.decimal(static_cast<uint64_t>(subject.process)).text(", ");
  out.text(reasons[static_cast<unsigned>(snapshot.reason)]).text(", after ");
  print_seconds(out, snapshot.uptime_ms).text(" s (").text(subject.library);
  out.character(' ').text(kVersion).text(")\n");
  print_parts(out, snapshot.stats);
  print_sums(out, snapshot);
  print_counts(out, snapshot);
  print_classes(out, snapshot.detail);
  print_arenas(out, snapshot.stats);
  print_threads(out, snapshot.detail);
}

}  // namespace talc
