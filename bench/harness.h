// Measures contenders against each other: in turn, in one process's time, so
// that whatever else the machine does meanwhile befalls all of them alike.
//
// Google Benchmark is not used: it knows no ratios between benchmarks, and a
// contender that lives in another process is beyond its own timing.
#ifndef METASTEP_BENCH_HARNESS_H_
#define METASTEP_BENCH_HARNESS_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace metastep {

// One thing that is measured.
struct Contender {
  std::string what;
  std::string unit;  // of what `measure` returns
  // One repetition, long enough for the clock: 50 ms and more.
  std::function<absl::StatusOr<double>()> measure;
};

// What a contender's repetitions gave. A value.
struct Samples {
  std::string what;
  std::string unit;
  std::vector<double> values;  // one for each round

  // REQUIRES: values is not empty.
  double Median() const;
  // Distance of the quartiles over the median.
  double Spread() const;
};

// Measures every contender once for warmth, then all of them in turn in each of
// `repetitions` rounds. Errors: the first that a contender returns.
absl::StatusOr<std::vector<Samples>> Interleave(
    absl::Span<const Contender> contenders, int repetitions);

// The median over the rounds of a / b: both were measured within a moment of
// each other, so a slow moment of the machine cancels.
// REQUIRES: both are of one call of Interleave.
double Ratio(const Samples& a, const Samples& b);

// That of the higher median. REQUIRES: samples is not empty.
const Samples& Fastest(absl::Span<const Samples> samples);

// Seconds that the body takes by the clock on the wall.
absl::StatusOr<double> WallSeconds(const std::function<absl::Status()>& body);

// Processor seconds that the body takes, over all threads of this process. For
// work on one core: waiting for a core that is busy with something else does
// not count, and a second thread does.
absl::StatusOr<double> CpuSeconds(const std::function<absl::Status()>& body);

}  // namespace metastep

#endif  // METASTEP_BENCH_HARNESS_H_
