// What is read off loss curves: means over tasks, in the tasks' order.
#ifndef METASTEP_BASE_CURVE_STATS_H_
#define METASTEP_BASE_CURVE_STATS_H_

#include <vector>

#include "absl/types/span.h"

namespace metastep {

struct CurveStats {
  std::vector<double> mean;       // over tasks, [steps + 1]
  std::vector<double> deviation;  // sample standard deviation, 0 of one task
  std::vector<double> finals;     // loss after the last step, [tasks]
  std::vector<double> sums;       // of the losses before each step, [tasks]
  double mean_final = 0;
  double mean_sum = 0;
};

// REQUIRES: at least one curve, all of one size, at least two points.
CurveStats StatsOf(absl::Span<const std::vector<double>> curves);

}  // namespace metastep

#endif  // METASTEP_BASE_CURVE_STATS_H_
