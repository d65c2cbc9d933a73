// What a benchmark prints: a table as it goes, and last one line for programs.
#ifndef METASTEP_BENCH_REPORT_H_
#define METASTEP_BENCH_REPORT_H_

#include <nlohmann/json.hpp>
#include <ostream>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "bench/harness.h"

namespace metastep {

// Not thread-safe.
class Report {
 public:
  // Prints the table's head. `out` must outlive the report.
  Report(absl::string_view bench, int repetitions, std::ostream& out);

  // A row each: what, unit, median, spread.
  void Add(absl::Span<const Samples> samples);
  // A row for a number that is measured once.
  void Add(absl::string_view what, absl::string_view unit, double value);
  // A line between rows: a peer that is absent and why, how to read a row.
  void Note(absl::string_view text);
  // A figure of the RESULT line.
  void SetKey(absl::string_view key, double value);

  // Prints the last line, `RESULT {"bench": ..., "repetitions": ..., keys}`.
  void Finish();

 private:
  std::ostream& out_;
  nlohmann::ordered_json result_;
};

}  // namespace metastep

#endif  // METASTEP_BENCH_REPORT_H_
