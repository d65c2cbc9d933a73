#include "learner/teacher.h"

#include <algorithm>
#include <utility>

#include "base/status_macros.h"
#include "optimizer/rule_factory.h"

namespace metastep {

absl::StatusOr<Teacher> Teacher::Create(const v1::ImitationSpec& spec,
                                        size_t n) {
  METASTEP_ASSIGN_OR_RETURN(std::shared_ptr<const UpdateRule> rule,
                            MakeHandDesignedRule(spec.rule()));
  return Teacher(std::move(rule), spec.weight(), n);
}

Teacher::Teacher(std::shared_ptr<const UpdateRule> rule, double weight,
                 size_t n)
    : rule_(std::move(rule)), weight_(weight), update_(n), adjoint_(n) {
  state_.resize(rule_->StateFloats(static_cast<int64_t>(n)));
}

void Teacher::Step(int64_t step, absl::Span<const float> gradient) {
  rule_->Step(step, gradient, absl::MakeSpan(state_), absl::MakeSpan(update_));
}

absl::Span<const float> Teacher::AdjointOf(absl::Span<const float> update) {
  double squares = 0;
  for (const float v : update_) squares += double{v} * v;
  if (squares == 0) {
    std::fill(adjoint_.begin(), adjoint_.end(), 0.0f);
    return adjoint_;
  }
  const double scale = 2 * weight_ / squares;
  for (size_t i = 0; i < adjoint_.size(); ++i) {
    adjoint_[i] =
        static_cast<float>(scale * (double{update[i]} - double{update_[i]}));
  }
  return adjoint_;
}

int64_t Teacher::bytes() const {
  const size_t floats = state_.size() + update_.size() + adjoint_.size();
  return static_cast<int64_t>(floats * sizeof(float));
}

}  // namespace metastep
