// Evaluation unrolls: a whole loss curve of any update rule on one task.
#ifndef METASTEP_LEARNER_EVALUATION_H_
#define METASTEP_LEARNER_EVALUATION_H_

#include <vector>

#include "absl/status/statusor.h"
#include "optimizee/task.h"
#include "optimizer/update_rule.h"

namespace metastep {

// Optimises `task` from its theta_0 by `rule` and returns f_t(theta_t) for
// t = 0 to steps. A diverged optimisation ends at its first loss
// that is not finite; all later ones are infinite. Where `final_theta` is given
// it gets theta [N] after the last step, of a diverged optimisation that of its
// end. Errors: those of Task::Evaluate.
absl::StatusOr<std::vector<double>> LossCurveOf(
    const UpdateRule& rule, Task& task, int steps,
    std::vector<float>* final_theta = nullptr);

}  // namespace metastep

#endif  // METASTEP_LEARNER_EVALUATION_H_
