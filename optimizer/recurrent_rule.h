// Stacks of recurrent cells, applied coordinate by coordinate, as update rules
// (Andrychowicz et al., section 2.1).
#ifndef METASTEP_OPTIMIZER_RECURRENT_RULE_H_
#define METASTEP_OPTIMIZER_RECURRENT_RULE_H_

#include <cstdint>

#include "absl/types/span.h"
#include "optimizer/recurrent_architecture.h"
#include "optimizer/recurrent_kernel.h"
#include "optimizer/update_rule.h"

namespace metastep {

// Immutable; thread-safe.
class RecurrentRule final : public LearnedRule {
 public:
  // Copies phi. REQUIRES: phi.size() == architecture.stack.phi_size.
  RecurrentRule(const RecurrentArchitecture& architecture,
                absl::Span<const float> phi);

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
  const RecurrentWeights weights_;
};

}  // namespace metastep

#endif  // METASTEP_OPTIMIZER_RECURRENT_RULE_H_
