// Learned rules whose update changes sign with the gradients.
#ifndef METASTEP_OPTIMIZER_ANTISYMMETRIC_RULE_H_
#define METASTEP_OPTIMIZER_ANTISYMMETRIC_RULE_H_

#include <cstdint>
#include <memory>
#include <utility>

#include "absl/types/span.h"
#include "optimizer/update_rule.h"

namespace metastep {

// u(g_1 ... g_t) = (m(g_1 ... g_t) - m(-g_1 ... -g_t)) / 2 of a rule m:
// gradients that are as often of either sign move nothing in the mean, whatever
// phi is. m runs twice: each block of coordinates is followed by its mirror
// image, both with a state of their own. Immutable; thread-safe.
class AntisymmetricRule final : public LearnedRule {
 public:
  explicit AntisymmetricRule(std::unique_ptr<const LearnedRule> rule)
      : rule_(std::move(rule)) {}

  int64_t StateFloats(int64_t n) const override;
  void Step(int64_t step, absl::Span<const float> gradient,
            absl::Span<float> state, absl::Span<float> update) const override;
  absl::Span<const float> phi() const override { return rule_->phi(); }
  void StepBackward(int64_t step, absl::Span<const float> gradient,
                    absl::Span<const float> state,
                    const StepAdjoint& adjoint) const override;
  void WindowBackward(const Window& window,
                      absl::Span<double> phi_adjoint) const override;

 private:
  const std::unique_ptr<const LearnedRule> rule_;
};

}  // namespace metastep

#endif  // METASTEP_OPTIMIZER_ANTISYMMETRIC_RULE_H_
