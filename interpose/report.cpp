// What the forms of a report share. See report.hpp.
#include "interpose/report.hpp"

namespace talc {

void print_report(TextWriter& out, StatsFormat format, const Subject& subject,
                  const Snapshot& snapshot) {
  switch (format) {
    case StatsFormat::kJson:
      return print_json_report(out, subject, snapshot);
    case StatsFormat::kProm:
      return print_prom_report(out, subject, snapshot);
    case StatsFormat::kXml:
      return print_xml_report(out, subject, snapshot);
    default:
      return print_text_report(out, subject, snapshot);
  }
}

const char* name_of(Reason reason) {
  switch (reason) {
    case Reason::exit:
      return "exit";
    case Reason::interval:
      return "interval";
    case Reason::signal:
      return "signal";
    case Reason::call:
      return "call";
  }
  return "";
}

TextWriter& print_seconds(TextWriter& out, uint64_t milliseconds) {
  const uint64_t thousandths = milliseconds % 1000;
  out.decimal(milliseconds / 1000).character('.');
  return out.text(thousandths < 10 ? "00" : thousandths < 100 ? "0" : "").decimal(thousandths);
}

TextWriter& print_value(TextWriter& out, Unit unit, uint64_t value) {
  return unit == Unit::kMilliseconds ? print_seconds(out, value) : out.decimal(value);
}

}  // namespace talc
