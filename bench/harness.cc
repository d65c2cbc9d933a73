#include "bench/harness.h"

#include <time.h>

#include <algorithm>
#include <cstddef>
#include <utility>

#include "base/status_macros.h"

namespace metastep {
namespace {

// The value below which this part of the values lies, between two of them in
// proportion.
double Quantile(std::vector<double> values, double part) {
  std::sort(values.begin(), values.end());
  const double position = part * static_cast<double>(values.size() - 1);
  const auto below = static_cast<size_t>(position);
  const size_t above = std::min(below + 1, values.size() - 1);
  const double weight = position - static_cast<double>(below);
  return values[below] + weight * (values[above] - values[below]);
}

absl::StatusOr<double> Seconds(clockid_t clock,
                               const std::function<absl::Status()>& body) {
  timespec begin, end;
  clock_gettime(clock, &begin);
  METASTEP_RETURN_IF_ERROR(body());
  clock_gettime(clock, &end);
  return static_cast<double>(end.tv_sec - begin.tv_sec) +
         1e-9 * static_cast<double>(end.tv_nsec - begin.tv_nsec);
}

}  // namespace

double Samples::Median() const { return Quantile(values, 0.5); }

double Samples::Spread() const {
  return (Quantile(values, 0.75) - Quantile(values, 0.25)) / Median();
}

absl::StatusOr<std::vector<Samples>> Interleave(
    absl::Span<const Contender> contenders, int repetitions) {
  std::vector<Samples> samples;
  for (const Contender& contender : contenders) {
    METASTEP_RETURN_IF_ERROR(contender.measure().status());
    samples.push_back({contender.what, contender.unit, {}});
  }
  for (int round = 0; round < repetitions; ++round) {
    for (size_t i = 0; i < contenders.size(); ++i) {
      METASTEP_ASSIGN_OR_RETURN(const double value, contenders[i].measure());
      samples[i].values.push_back(value);
    }
  }
  return samples;
}

double Ratio(const Samples& a, const Samples& b) {
  std::vector<double> ratios;
  for (size_t i = 0; i < a.values.size(); ++i) {
    ratios.push_back(a.values[i] / b.values[i]);
  }
  return Quantile(std::move(ratios), 0.5);
}

const Samples& Fastest(absl::Span<const Samples> samples) {
  return *std::max_element(samples.begin(), samples.end(),
                           [](const Samples& a, const Samples& b) {
                             return a.Median() < b.Median();
                           });
}

absl::StatusOr<double> WallSeconds(const std::function<absl::Status()>& body) {
  return Seconds(CLOCK_MONOTONIC, body);
}

absl::StatusOr<double> CpuSeconds(const std::function<absl::Status()>& body) {
  return Seconds(CLOCK_PROCESS_CPUTIME_ID, body);
}

}  // namespace metastep
