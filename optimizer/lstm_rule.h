// The coordinate-wise LSTM (Andrychowicz et al., section 2.1) as an update
// rule.
#ifndef METASTEP_OPTIMIZER_LSTM_RULE_H_
#define METASTEP_OPTIMIZER_LSTM_RULE_H_

#include <cstdint>

#include "absl/types/span.h"
#include "optimizer/lstm_architecture.h"
#include "optimizer/lstm_kernel.h"
#include "optimizer/update_rule.h"

namespace metastep {

// Immutable; thread-safe.
class LstmRule final : public LearnedRule {
 public:
  // Copies phi. REQUIRES: phi.size() == architecture.phi_size.
  LstmRule(const LstmArchitecture& architecture, absl::Span<const float> phi);

  int64_t StateFloats(int64_t n) const override;
  void Step(int64_t step, absl::Span<const float> gradient,
            absl::Span<float> state, absl::Span<float> update) const override;
  absl::Span<const float> phi() const override { return weights_.stack.phi; }
  void StepBackward(int64_t step, absl::Span<const float> gradient,
                    absl::Span<const float> state,
                    const StepAdjoint& adjoint) const override;
  void WindowBackward(const Window& window,
                      absl::Span<double> phi_adjoint) const override;

 private:
  const LstmWeights weights_;
};

}  // namespace metastep

#endif  // METASTEP_OPTIMIZER_LSTM_RULE_H_
