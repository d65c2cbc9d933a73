#include "optimizer/lstm_rule.h"

namespace metastep {

LstmRule::LstmRule(const LstmArchitecture& architecture,
                   absl::Span<const float> phi)
    : weights_(architecture, phi) {}

int64_t LstmRule::StateFloats(int64_t n) const {
  return BlockedFloats(weights_.stack.stack.state_variables, n);
}

void LstmRule::Step(int64_t step, absl::Span<const float> gradient,
                    absl::Span<float> state, absl::Span<float> update) const {
  LstmStep(weights_, step, gradient, state, update);
}

// A window of one step whose loss gradient, with weight 1, is the adjoint.
void LstmRule::StepBackward(int64_t step, absl::Span<const float> gradient,
                            absl::Span<const float> state,
                            const StepAdjoint& adjoint) const {
  const absl::Span<const float> gradients[] = {gradient, adjoint.update};
  const float weight = 1;
  WindowAdjoint window_adjoint = {adjoint.state, {}, adjoint.phi};
  if (!adjoint.gradient.empty()) {
    window_adjoint.gradients = absl::MakeConstSpan(&adjoint.gradient, 1);
  }
  LstmWindowBackward(weights_,
                     {gradients, absl::MakeConstSpan(&weight, 1), state, step},
                     window_adjoint);
}

void LstmRule::WindowBackward(const Window& window,
                              absl::Span<double> phi_adjoint) const {
  LstmWindowBackward(weights_, window,
                     {/*state=*/{}, /*gradients=*/{}, phi_adjoint});
}

}  // namespace metastep
