#include "learner/inner_loop.h"

#include <utility>

#include "absl/types/span.h"
#include "base/status_macros.h"

namespace metastep {

absl::StatusOr<InnerLoop> BeginInnerLoop(const UpdateRule& rule, Task& task) {
  const int64_t n = task.layout().coordinates();
  InnerLoop loop;
  loop.theta.resize(n);
  loop.gradient.resize(n);
  loop.rule_state.resize(rule.StateFloats(n));
  loop.update.resize(n);
  task.InitialTheta(absl::MakeSpan(loop.theta));
  METASTEP_ASSIGN_OR_RETURN(
      loop.loss,
      task.Evaluate(loop.t, loop.theta, absl::MakeSpan(loop.gradient)));
  return loop;
}

absl::Status TakeInnerStep(const UpdateRule& rule, Task& task,
                           InnerLoop& loop) {
  rule.Step(loop.t + 1, loop.gradient, absl::MakeSpan(loop.rule_state),
            absl::MakeSpan(loop.update));
  for (size_t i = 0; i < loop.theta.size(); ++i) {
    loop.theta[i] += loop.update[i];
  }
  ++loop.t;
  METASTEP_ASSIGN_OR_RETURN(
      loop.loss,
      task.Evaluate(loop.t, loop.theta, absl::MakeSpan(loop.gradient)));
  return absl::OkStatus();
}

}  // namespace metastep
