// The optimisation of one task by an update rule, one inner step at a time:
// what meta-training and evaluation have in common.
#ifndef METASTEP_LEARNER_INNER_LOOP_H_
#define METASTEP_LEARNER_INNER_LOOP_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "optimizee/task.h"
#include "optimizer/state_vector.h"
#include "optimizer/update_rule.h"

namespace metastep {

// Where an optimisation stands after t inner steps. f_t and its gradient at
// theta_t are kept with it, since both the step to come and the meta-loss need
// them: one evaluation a step. A value.
struct InnerLoop {
  int64_t t = 0;
  std::vector<float> theta;       // theta_t, [N]
  std::vector<float> gradient;    // of the problems' sum at theta_t, [N]
  double loss = 0;                // f_t(theta_t)
  StateVector<float> rule_state;  // h_t, [StateFloats(N)]
  std::vector<float> update;      // u_{t-1}, [N]: kept so that a step need not
                                  // allocate it
};

// At theta_0, for this rule or another of its architecture.
// Errors: those of Task::Evaluate.
absl::StatusOr<InnerLoop> BeginInnerLoop(const UpdateRule& rule, Task& task);

// theta_{t+1} = theta_t + u_t (equation 1 of Andrychowicz et al.). Errors:
// those of Task::Evaluate; the loop is then useless.
absl::Status TakeInnerStep(const UpdateRule& rule, Task& task, InnerLoop& loop);

}  // namespace metastep

#endif  // METASTEP_LEARNER_INNER_LOOP_H_
