// What is read off loss curves: means over tasks, in the tasks' order.
#ifndef METASTEP_SERVER_CURVE_STATS_H_
#define METASTEP_SERVER_CURVE_STATS_H_

#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "metastep/v1/coordinator_service.pb.h"
#include "metastep/v1/model.pb.h"

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

// Errors: InvalidArgument, unless the result has steps + 1 losses.
absl::Status CheckCurveSize(const v1::EvaluationResult& result, int steps);

}  // namespace metastep

#endif  // METASTEP_SERVER_CURVE_STATS_H_
