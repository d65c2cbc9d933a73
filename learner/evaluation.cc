#include "learner/evaluation.h"

#include <cmath>
#include <limits>
#include <utility>

#include "base/status_macros.h"
#include "learner/inner_loop.h"

namespace metastep {

absl::StatusOr<std::vector<double>> LossCurveOf(
    const UpdateRule& rule, Task& task, int steps,
    std::vector<float>* final_theta) {
  METASTEP_ASSIGN_OR_RETURN(InnerLoop loop, BeginInnerLoop(rule, task));
  std::vector<double> losses;
  losses.reserve(steps + 1);
  losses.push_back(loop.loss);
  for (int t = 0; t < steps && std::isfinite(loop.loss); ++t) {
    METASTEP_RETURN_IF_ERROR(TakeInnerStep(rule, task, loop));
    losses.push_back(loop.loss);
  }
  losses.resize(steps + 1, std::numeric_limits<double>::infinity());
  if (final_theta != nullptr) *final_theta = std::move(loop.theta);
  return losses;
}

}  // namespace metastep
