#include "base/curve_stats.h"

#include <cmath>
#include <numeric>

namespace metastep {
namespace {

// In a second pass over the curves: the squares' mean less the mean's square
// would lose all digits where the tasks' losses are nearly equal.
std::vector<double> DeviationOf(absl::Span<const std::vector<double>> curves,
                                absl::Span<const double> mean) {
  std::vector<double> deviation(mean.size());
  if (curves.size() < 2) return deviation;
  for (const std::vector<double>& curve : curves) {
    for (size_t t = 0; t < curve.size(); ++t) {
      const double off = curve[t] - mean[t];
      deviation[t] += off * off;
    }
  }
  for (double& value : deviation) {
    value = std::sqrt(value / static_cast<double>(curves.size() - 1));
  }
  return deviation;
}

}  // namespace

CurveStats StatsOf(absl::Span<const std::vector<double>> curves) {
  const double tasks = static_cast<double>(curves.size());
  CurveStats stats;
  stats.mean.assign(curves.front().size(), 0.0);
  for (const std::vector<double>& curve : curves) {
    for (size_t t = 0; t < curve.size(); ++t) stats.mean[t] += curve[t];
    stats.finals.push_back(curve.back());
    stats.sums.push_back(std::accumulate(curve.begin(), curve.end() - 1, 0.0));
  }
  for (double& loss : stats.mean) loss /= tasks;
  stats.deviation = DeviationOf(curves, stats.mean);
  stats.mean_final = stats.mean.back();
  stats.mean_sum =
      std::accumulate(stats.sums.begin(), stats.sums.end(), 0.0) / tasks;
  return stats;
}

}  // namespace metastep
