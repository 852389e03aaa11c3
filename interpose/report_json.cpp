// The report as JSON: one object on one line, schema 1. docs/STATISTICS.md has every key.
#include "interpose/report.hpp"
#include "talc/api/settings.hpp"
#include "talc/base/version.hpp"

namespace talc {
namespace {

// Puts commas between what is written, and brackets around it.
class Json {
 public:
  explicit Json(TextWriter& out) : out_(out) {}

  Json& key(const char* name) {
    separate();
    print_string(name);
    out_.text(": ");
    is_first_ = true;
    return *this;
  }
  Json& open(char bracket) {
    separate();
    out_.character(bracket);
    is_first_ = true;
    return *this;
  }
  Json& close(char bracket) {
    out_.character(bracket);
    is_first_ = false;
    return *this;
  }
  Json& number(uint64_t value) {
    separate();
    out_.decimal(value);
    return *this;
  }
  Json& number(Unit unit, uint64_t value) {
    separate();
    print_value(out_, unit, value);
    return *this;
  }
  Json& word(const char* literal) {
    separate();
    out_.text(literal);
    return *this;
  }
  Json& string(const char* value) {
    separate();
    print_string(value);
    return *this;
  }
  // For a value that the caller writes himself; done() says that he did.
  TextWriter& out() { return out_; }
  Json& done() {
    is_first_ = false;
    return *this;
  }

 private:
  void separate() {
    if (!is_first_) {
      out_.text(", ");
    }
    is_first_ = false;
  }

  void print_string(const char* string) {
    out_.character('"');
    for (const char* at = string; *at != '\0'; ++at) {
      print_character(static_cast<unsigned char>(*at));
    }
    out_.character('"');
  }

  void print_character(unsigned char byte) {
    if (byte >= ' ' && byte < 0x7f && byte != '"' && byte != '\\') {
      out_.character(static_cast<char>(byte));
    } else {
      const char* const digits = "0123456789abcdef";
      out_.text("\\u00").character(digits[byte >> 4]).character(digits[byte & 0xf]);
    }
  }

  TextWriter& out_;
  bool is_first_ = true;
};

void print_subject(Json& json, const Subject& subject, const Snapshot& snapshot) {
  json.key("schema").number(1);
  json.key("library").string(subject.library);
  json.key("version").string(kVersion);
  json.key("program").string(subject.program);
  json.key("process").number(static_cast<uint64_t>(subject.process));
  json.key("timestamp").number(Unit::kMilliseconds, snapshot.date_ms);
  json.key("uptime").number(Unit::kMilliseconds, snapshot.uptime_ms);
  json.key("reason").string(name_of(snapshot.reason));
}

// null: nobody knows, or there is none.
void print_or_null(Json& json, uint64_t value, uint64_t nothing) {
  value == nothing ? json.word("null") : json.number(value);
}

void print_kernel(Json& json, const Snapshot& snapshot) {
  json.key("kernel").open('{');
  for (const KernelField& field : kKernelFields) {
    json.key(field.name);
    print_or_null(json, snapshot.kernel.*field.value, ProcessMemory::kUnknown);
  }
  json.close('}');
  json.key("calls").open('{');
  for (const CallField& field : kCallFields) {
    json.key(field.name).number(snapshot.calls.*field.value);
  }
  json.close('}');
}

void print_purges(Json& json, const ProcessStats& stats) {
  json.key("purges").open('{');
  for (const PurgeField& field : kPurgeFields) {
    json.key(field.name).number(stats.*field.value);
  }
  json.close('}');
}

void print_classes(Json& json, const HeapDetail& detail) {
  json.key("classes").open('[');
  for (unsigned i = 0; i < SizeClasses::kCount; ++i) {
    if (!detail.classes[i].has_any()) {
      continue;
    }
    json.open('{').key("size").number(SizeClasses::size_of(i));
    for (const ClassField& field : kClassFields) {
      json.key(field.name).number(detail.classes[i].*field.value);
    }
    json.close('}');
  }
  json.close(']');
}

void print_middle(Json& json, const ProcessStats& stats) {
  json.key("middle").open('{');
  for (const MiddleField& field : kMiddleFields) {
    json.key(field.name).number(stats.*field.value);
  }
  json.close('}');
}

void print_arenas(Json& json, const ProcessStats& stats) {
  json.key("arenas").open('[');
  for (unsigned arena = 0; arena < stats.arena_count; ++arena) {
    json.open('{');
    for (const ArenaField& field : kArenaFields) {
      json.key(field.name).number(stats.arenas[arena].*field.value);
    }
    json.close('}');
  }
  json.close(']');
}

void print_threads(Json& json, const HeapDetail& detail) {
  json.key("threads").open('[');
  for (unsigned i = 0; i < detail.thread_count; ++i) {
    const ThreadStats& thread = detail.threads[i];
    json.open('{').key("arena").number(thread.arena);
    json.key("active").word(thread.is_active ? "true" : "false");
    json.key("cached").number(thread.cached).key("in_transit").number(thread.in_transit);
    json.key("hot").number(thread.hot).close('}');
  }
  json.close(']').key("threads_left_out").number(detail.threads_left_out);
}

void print_heap_map(Json& json, const HeapDetail& detail) {
  json.key("heap_map").open('[');
  for (unsigned i = 0; i < detail.heap_count; ++i) {
    const HeapMap& heap = detail.heaps[i];
    json.open('{').key("arena").number(heap.arena);
    json.key("base").out().character('"').pointer(heap.base).character('"');
    json.done().key("bytes").number(heap.bytes).key("cell").number(heap.cell_bytes);
    json.key("cells").out().character('"');
    for (unsigned cell = 0; cell < heap.cell_count; ++cell) {
      json.out().character("##=~.m"[static_cast<unsigned>(heap.cells[cell])]);
    }
    json.out().character('"');
    json.done().close('}');
  }
  json.close(']').key("heaps_left_out").number(detail.heaps_left_out);
}

void print_options(Json& json, const Options& options) {
  json.key("options").open('{');
  for (const Option& option : option_table) {
    char text[Options::kMaxPath];
    TextWriter value(text, sizeof text - 1);
    option.print(options, value);
    text[value.size()] = '\0';
    const bool is_number = text[0] == '-' || (text[0] >= '0' && text[0] <= '9');
    json.key(option.name);
    if (option.kind == Option::Kind::on_off) {
      json.word(text[0] == '1' ? "true" : "false");
    } else if (option.kind == Option::Kind::word) {
      json.string(text);
    } else {
      json.word(is_number ? text : "null");
    }
  }
  json.close('}');
}

}  // namespace

void print_json_report(TextWriter& out, const Subject& subject, const Snapshot& snapshot) {
  Json json(out);
  json.open('{');
  print_subject(json, subject, snapshot);
  for (const Field& field : kFields) {
    json.key(field.name).number(field.unit, snapshot.stats.*field.value);
  }
  print_or_null(json.key("heap_limit"), settings.heap_limit, Settings::kUnlimited);
  print_kernel(json, snapshot);
  print_purges(json, snapshot.stats);
  json.key("thp").open('{').key("mode");
  json.string(thp_name(settings.thp)).key("advised").number(snapshot.advised_bytes).close('}');
  print_arenas(json, snapshot.stats);
  print_classes(json, snapshot.detail);
  print_middle(json, snapshot.stats);
  print_threads(json, snapshot.detail);
  print_heap_map(json, snapshot.detail);
  print_options(json, subject.options);
  json.close('}').out().character('\n');
}

}  // namespace talc
