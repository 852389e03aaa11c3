// The report in Prometheus's text format (version 0.0.4): a family for each field, its help and type
// first. Names end in their unit, counters in _total.
//
//   # HELP talc_allocated_bytes usable bytes of live blocks
//   # TYPE talc_allocated_bytes gauge
//   talc_allocated_bytes{program="bash",process="4711"} 12345
#include "interpose/report.hpp"
#include "talc/api/settings.hpp"
#include "talc/base/c_string.hpp"
#include "talc/base/version.hpp"

namespace talc {
namespace {

class Prom {
 public:
  Prom(TextWriter& out, const Subject& subject) : out_(out), subject_(subject) {}

  // Begins a family of metrics: talc_<scope><name>, with what its unit and kind add.
  void begin(const char* scope, const char* name, Unit unit, bool only_grows, const char* meaning) {
    scope_ = scope;
    name_ = name;
    unit_ = unit;
    only_grows_ = only_grows;
    print_name(out_.text("# HELP "));
    out_.character(' ').text(meaning).character('\n');
    print_name(out_.text("# TYPE "));
    out_.text(only_grows ? " counter\n" : " gauge\n");
  }

  // One sample of it, perhaps with a label more.
  void sample(uint64_t value, const char* label = nullptr, uint64_t label_value = 0) {
    print_name(out_);
    print_labels();
    if (label != nullptr) {
      out_.character(',').text(label).text("=\"").decimal(label_value).character('"');
    }
    print_value(out_.text("} "), unit_, value).character('\n');
  }

  void single(const char* scope, const char* name, Unit unit, bool only_grows, const char* meaning,
              uint64_t value) {
    begin(scope, name, unit, only_grows, meaning);
    sample(value);
  }

  void info() {
    out_.text("# HELP talc_info the library\n# TYPE talc_info gauge\ntalc_info");
    print_labels();
    out_.text(",library=\"").text(subject_.library).text("\",version=\"").text(kVersion);
    out_.text("\"} 1\n");
  }

 private:
  void print_name(TextWriter& out) const {
    const char* const unit = unit_ == Unit::kBytes          ? "_bytes"
                             : unit_ == Unit::kMilliseconds ? "_seconds"
                                                            : "";
    // "huge_bytes" is no "huge_bytes_bytes".
    const bool has_unit = ends_in(name_, unit);
    out.text("talc_").text(scope_).text(name_).text(has_unit ? "" : unit);
    out.text(only_grows_ ? "_total" : "");
  }

  static bool ends_in(const char* name, const char* end) {
    const size_t size = length_of(name);
    const size_t end_size = length_of(end);
    return size >= end_size && are_equal(name + size - end_size, end);
  }

  void print_labels() const {
    out_.text("{program=\"");
    for (const char* at = subject_.program; *at != '\0'; ++at) {
      if (*at == '\n') {
        out_.text("\\n");
      } else {
        out_.text(*at == '"' || *at == '\\' ? "\\" : "").character(*at);
      }
    }
    out_.text("\",process=\"").decimal(static_cast<uint64_t>(subject_.process)).character('"');
  }

  TextWriter& out_;
  const Subject& subject_;
  const char* scope_ = "";
  const char* name_ = "";
  Unit unit_ = Unit::kCount;
  bool only_grows_ = false;
};

void print_arenas(Prom& prom, const ProcessStats& stats) {
  for (const ArenaField& field : kArenaFields) {
    prom.begin("arena_", field.name, field.unit, field.only_grows, "as of the process, by arena");
    for (unsigned i = 0; i < stats.arena_count; ++i) {
      prom.sample(stats.arenas[i].*field.value, "arena", i);
    }
  }
}

void print_classes(Prom& prom, const HeapDetail& detail) {
  for (const ClassField& field : kClassFields) {
    prom.begin("class_", field.name, Unit::kCount, field.only_grows,
               "slots of slabs, by their size in bytes");
    for (unsigned i = 0; i < SizeClasses::kCount; ++i) {
      if (detail.classes[i].has_any()) {
        prom.sample(detail.classes[i].*field.value, "size", SizeClasses::size_of(i));
      }
    }
  }
}

}  // namespace

void print_prom_report(TextWriter& out, const Subject& subject, const Snapshot& snapshot) {
  Prom prom(out, subject);
  prom.info();
  prom.single("", "uptime", Unit::kMilliseconds, false, "since the library was loaded",
              snapshot.uptime_ms);
  for (const Field& field : kFields) {
    prom.single("", field.name, field.unit, field.only_grows, field.meaning,
                snapshot.stats.*field.value);
  }
  if (const size_t limit = settings.heap_limit; limit != Settings::kUnlimited) {
    prom.single("", "heap_limit", Unit::kBytes, false, kLimitMeaning, limit);
  }
  for (const KernelField& field : kKernelFields) {
    if (const uint64_t value = snapshot.kernel.*field.value; value != ProcessMemory::kUnknown) {
      prom.single("process_", field.name, field.unit, field.only_grows, field.meaning, value);
    }
  }
  for (const CallField& field : kCallFields) {
    prom.single("calls_", field.name, Unit::kCount, true, "calls of the kernel",
                snapshot.calls.*field.value);
  }
  for (const PurgeField& field : kPurgeFields) {
    prom.single("purges_", field.name, field.unit, true, field.meaning,
                snapshot.stats.*field.value);
  }
  prom.single("", "thp_advised", Unit::kBytes, true, kAdvisedMeaning, snapshot.advised_bytes);
  for (const MiddleField& field : kMiddleFields) {
    prom.single("middle_", field.name, Unit::kCount, field.only_grows,
                "of blocks of 8 KiB to 4 MiB", snapshot.stats.*field.value);
  }
  print_arenas(prom, snapshot.stats);
  print_classes(prom, snapshot.detail);
}

}  // namespace talc
