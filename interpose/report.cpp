// Formatting of the counters. See report.hpp.
#include "interpose/report.hpp"

namespace talc {
namespace {

enum class Unit : unsigned char { kCount, kBytes };

struct Field {
  const char* name;
  size_t ProcessStats::*value;
  Unit unit;
  const char* meaning;
};

constexpr Field kFields[] = {
    {"allocations", &ProcessStats::allocations, Unit::kCount, "blocks handed out"},
    {"frees", &ProcessStats::frees, Unit::kCount, "blocks taken back"},
    {"allocated", &ProcessStats::allocated, Unit::kBytes, "usable bytes of live blocks"},
    {"active", &ProcessStats::active, Unit::kBytes, "the same with what each block costs"},
    {"metadata", &ProcessStats::metadata, Unit::kBytes, "what serves all blocks"},
    {"cached", &ProcessStats::cached, Unit::kBytes, "free, in threads' caches"},
    {"in_transit", &ProcessStats::in_transit, Unit::kBytes, "free, on the way to their arena"},
    {"slabs", &ProcessStats::slabs, Unit::kBytes, "cut into small blocks, free ones too"},
    {"resident", &ProcessStats::resident, Unit::kBytes, "in memory"},
    {"mapped", &ProcessStats::mapped, Unit::kBytes, "from the kernel"},
    {"retained", &ProcessStats::retained, Unit::kBytes, "mapped, and free"},
    {"peak", &ProcessStats::peak, Unit::kBytes, "the most that was mapped"},
    {"heaps", &ProcessStats::heaps, Unit::kCount, "heaps, a huge block being one"},
    {"fragments", &ProcessStats::fragments, Unit::kCount, "gaps between blocks"},
    {"mappings", &ProcessStats::mappings, Unit::kCount, "mappings in use"},
    {"system_calls", &ProcessStats::system_calls, Unit::kCount, "calls of the kernel for memory"},
    {"huge_blocks", &ProcessStats::huge_blocks, Unit::kCount, "live blocks with their own mapping"},
    {"huge_bytes", &ProcessStats::huge_bytes, Unit::kBytes, "their bytes"},
};

// The text has those that fit into a line.
struct ArenaField {
  const char* name;
  size_t ArenaStats::*value;
  bool is_in_text;
};

constexpr ArenaField kArenaFields[] = {
    {"allocations", &ArenaStats::allocations, true}, {"frees", &ArenaStats::frees, true},
    {"allocated", &ArenaStats::allocated, true},     {"active", &ArenaStats::active, false},
    {"metadata", &ArenaStats::metadata, false},      {"cached", &ArenaStats::cached, false},
    {"in_transit", &ArenaStats::in_transit, false},  {"slabs", &ArenaStats::slabs, false},
    {"resident", &ArenaStats::resident, true},       {"mapped", &ArenaStats::mapped, true},
    {"retained", &ArenaStats::retained, true},       {"heaps", &ArenaStats::heaps, true},
    {"fragments", &ArenaStats::fragments, false},
};

constexpr size_t kNameWidth = 14;
constexpr size_t kValueWidth = 16;
constexpr size_t kArenaColumnWidth = 13;

// At most one decimal and a binary unit, 10 characters wide: "  11.8 MiB".
void print_magnitude(TextWriter& out, size_t bytes) {
  const char* const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  size_t unit = 0;
  size_t whole = bytes;
  size_t tenths = 0;
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

void print_arena_table(TextWriter& out, const ProcessStats& stats) {
  out.text("  arena");
  for (const ArenaField& field : kArenaFields) {
    if (field.is_in_text) {
      out.text_right(field.name, kArenaColumnWidth);
    }
  }
  out.character('\n');
  for (unsigned arena = 0; arena < stats.arena_count; ++arena) {
    out.decimal(arena, sizeof "  arena" - 1);
    for (const ArenaField& field : kArenaFields) {
      if (field.is_in_text) {
        out.decimal(stats.arenas[arena].*field.value, kArenaColumnWidth);
      }
    }
    out.character('\n');
  }
}

void print_json_string(TextWriter& out, const char* string) {
  out.character('"');
  for (const char* at = string; *at != '\0'; ++at) {
    const auto byte = static_cast<unsigned char>(*at);
    if (byte >= ' ' && byte < 0x7f && byte != '"' && byte != '\\') {
      out.character(*at);
    } else {
      const char* const digits = "0123456789abcdef";
      out.text("\\u00").character(digits[byte >> 4]).character(digits[byte & 0xf]);
    }
  }
  out.character('"');
}

TextWriter& print_json_key(TextWriter& out, const char* key) {
  return out.character('"').text(key).text("\": ");
}

}  // namespace

void print_text_report(TextWriter& out, const ReportSubject& subject, const ProcessStats& stats) {
  out.text("talc: ").text(subject.program).text(", process ");
  out.decimal(static_cast<uint64_t>(subject.process)).character('\n');
  for (const Field& field : kFields) {
    const size_t value = stats.*field.value;
    out.text("  ").text_left(field.name, kNameWidth).decimal(value, kValueWidth).text("  ");
    if (field.unit == Unit::kBytes) {
      print_magnitude(out, value);
    } else {
      out.repeat(' ', 10);
    }
    out.text("  ").text(field.meaning).character('\n');
  }
  print_arena_table(out, stats);
}

void print_json_report(TextWriter& out, const ReportSubject& subject, const ProcessStats& stats) {
  out.character('{');
  print_json_string(print_json_key(out, "program"), subject.program);
  print_json_key(out.text(", "), "process").decimal(static_cast<uint64_t>(subject.process));
  for (const Field& field : kFields) {
    print_json_key(out.text(", "), field.name).decimal(stats.*field.value);
  }
  print_json_key(out.text(", "), "arenas").character('[');
  for (unsigned arena = 0; arena < stats.arena_count; ++arena) {
    out.text(arena == 0 ? "{" : ", {");
    const char* separator = "";
    for (const ArenaField& field : kArenaFields) {
      print_json_key(out.text(separator), field.name).decimal(stats.arenas[arena].*field.value);
      separator = ", ";
    }
    out.character('}');
  }
  out.text("]}\n");
}

}  // namespace talc
