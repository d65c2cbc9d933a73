#include "bench/report.h"

#include <cstdlib>
#include <string>

#include "absl/strings/str_format.h"

namespace metastep {
namespace {

// Four significant digits: more than any of these measurements is good for.
std::string Digits(double value) { return absl::StrFormat("%.4g", value); }

std::string Row(absl::string_view what, absl::string_view unit,
                absl::string_view median, absl::string_view spread) {
  return absl::StrFormat("%-58s %-14s %10s %8s\n", what, unit, median, spread);
}

}  // namespace

Report::Report(absl::string_view bench, int repetitions, std::ostream& out)
    : out_(out),
      result_({{"bench", std::string(bench)}, {"repetitions", repetitions}}) {
  out_ << Row("what", "unit", "median", "spread") << std::flush;
}

void Report::Add(absl::Span<const Samples> samples) {
  for (const Samples& row : samples) {
    out_ << Row(row.what, row.unit, Digits(row.Median()),
                absl::StrFormat("%.1f%%", 100 * row.Spread()));
  }
  out_ << std::flush;
}

void Report::Add(absl::string_view what, absl::string_view unit, double value) {
  out_ << Row(what, unit, Digits(value), "-") << std::flush;
}

void Report::Note(absl::string_view text) {
  out_ << "  " << text << "\n" << std::flush;
}

void Report::SetKey(absl::string_view key, double value) {
  result_[std::string(key)] = std::strtod(Digits(value).c_str(), nullptr);
}

void Report::Finish() { out_ << "RESULT " << result_.dump() << "\n"; }

}  // namespace metastep
