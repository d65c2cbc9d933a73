#include "optimizer/lstm_rule.h"

#include <utility>

namespace metastep {

LstmRule::LstmRule(LstmArchitecture architecture, absl::Span<const float> phi)
    : weights_(std::move(architecture), phi) {}

int64_t LstmRule::StateFloats(int64_t n) const {
  return BlockedFloats(weights_.architecture.state_variables, n);
}

void LstmRule::Step(int64_t /*step*/, absl::Span<const float> gradient,
                    absl::Span<float> state, absl::Span<float> update) const {
  LstmStep(weights_, gradient, state, update);
}

void LstmRule::StepBackward(int64_t /*step*/, absl::Span<const float> gradient,
                            absl::Span<const float> state,
                            const StepAdjoint& adjoint) const {
  const LstmWindow window = {absl::MakeConstSpan(&gradient, 1), state,
                             absl::MakeConstSpan(&adjoint.update, 1)};
  LstmWindowAdjoint window_adjoint = {adjoint.state, {}, adjoint.phi};
  if (!adjoint.gradient.empty()) {
    window_adjoint.gradients = absl::MakeConstSpan(&adjoint.gradient, 1);
  }
  LstmWindowBackward(weights_, window, window_adjoint);
}

void LstmRule::WindowBackward(
    int64_t /*first_step*/, absl::Span<const absl::Span<const float>> gradients,
    absl::Span<const float> state,
    absl::Span<const absl::Span<const float>> update_adjoints,
    absl::Span<double> phi_adjoint) const {
  LstmWindowBackward(weights_, {gradients, state, update_adjoints},
                     {/*state=*/{}, /*gradients=*/{}, phi_adjoint});
}

}  // namespace metastep
