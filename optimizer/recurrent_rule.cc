#include "optimizer/recurrent_rule.h"

namespace metastep {

RecurrentRule::RecurrentRule(const RecurrentArchitecture& architecture,
                             absl::Span<const float> phi)
    : weights_(architecture, phi) {}

int64_t RecurrentRule::StateFloats(int64_t n) const {
  return BlockedFloats(weights_.stack.stack.state_variables, n);
}

void RecurrentRule::Step(int64_t step, absl::Span<const float> gradient,
                         absl::Span<float> state,
                         absl::Span<float> update) const {
  RecurrentStep(weights_, step, gradient, state, update);
}

// A window of one step whose loss gradient, with weight 1, is the adjoint.
void RecurrentRule::StepBackward(int64_t step, absl::Span<const float> gradient,
                                 absl::Span<const float> state,
                                 const StepAdjoint& adjoint) const {
  const absl::Span<const float> gradients[] = {gradient, adjoint.update};
  const float weight = 1;
  WindowAdjoint window_adjoint = {adjoint.state, {}, adjoint.phi};
  if (!adjoint.gradient.empty()) {
    window_adjoint.gradients = absl::MakeConstSpan(&adjoint.gradient, 1);
  }
  RecurrentWindowBackward(
      weights_, {gradients, absl::MakeConstSpan(&weight, 1), state, step},
      window_adjoint);
}

void RecurrentRule::WindowBackward(const Window& window,
                                   absl::Span<double> phi_adjoint) const {
  RecurrentWindowBackward(weights_, window,
                          {/*state=*/{}, /*gradients=*/{}, phi_adjoint});
}

}  // namespace metastep
