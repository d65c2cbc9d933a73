// Preprocessing of gradients written out for one coordinate, in any precision:
// the naive twin of preprocessing-inl.h. Not for production.
#ifndef METASTEP_OPTIMIZER_PREPROCESSING_REFERENCE_H_
#define METASTEP_OPTIMIZER_PREPROCESSING_REFERENCE_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "metastep/v1/spec.pb.h"
#include "optimizer/preprocessing.h"

namespace metastep {

// Immutable; thread-safe.
template <typename Real>
class PreprocessingReference {
 public:
  explicit PreprocessingReference(v1::Preprocessing spec)
      : spec_(std::move(spec)) {}

  // Returns the inputs, and moves `state` [PreprocessingVariables] on.
  std::vector<Real> Step(int64_t step, Real gradient,
                         absl::Span<Real> state) const {
    if (spec_.has_moments()) {
      const Moments made = MakeMoments(step, gradient, state);
      state[0] = made.m;
      state[1] = made.v;
      return {gradient / made.scale(), made.corrected_m / made.scale()};
    }
    if (!spec_.has_log_and_sign()) return {gradient};
    // Appendix A of the paper, in the reference implementation's form.
    return {std::max(LogInput(gradient), Real{-1}),
            std::clamp(gradient * Slope(), Real{-1}, Real{1})};
  }

  // Backpropagates one step. `adjoint` is that of the inputs, `state` the state
  // before the step; `state_adjoint` goes from after the step to before it;
  // returns dL/dgradient.
  Real StepBackward(int64_t step, Real gradient, absl::Span<const Real> state,
                    const std::vector<Real>& adjoint,
                    absl::Span<Real> state_adjoint) const {
    if (spec_.has_moments()) {
      return MomentsBackward(MakeMoments(step, gradient, state), gradient,
                             adjoint, state_adjoint);
    }
    return spec_.has_log_and_sign() ? LogAndSignBackward(gradient, adjoint)
                                    : adjoint[0];
  }

 private:
  struct Moments {
    Real m, v;  // after the step
    Real correction1, correction2;
    Real corrected_m;
    Real root;  // of the corrected v

    Real scale() const { return root + static_cast<Real>(kMomentsEpsilon); }
  };

  Real Beta1() const { return static_cast<Real>(spec_.moments().beta1()); }
  Real Beta2() const { return static_cast<Real>(spec_.moments().beta2()); }

  Moments MakeMoments(int64_t step, Real gradient,
                      absl::Span<const Real> state) const {
    Moments made;
    made.m = Beta1() * state[0] + (1 - Beta1()) * gradient;
    made.v = Beta2() * state[1] + (1 - Beta2()) * gradient * gradient;
    made.correction1 = 1 / (1 - std::pow(Beta1(), static_cast<Real>(step)));
    made.correction2 = 1 / (1 - std::pow(Beta2(), static_cast<Real>(step)));
    made.corrected_m = made.m * made.correction1;
    made.root = std::sqrt(made.v * made.correction2);
    return made;
  }

  Real MomentsBackward(const Moments& made, Real gradient,
                       const std::vector<Real>& adjoint,
                       absl::Span<Real> state_adjoint) const {
    const Real scale = made.scale();
    const Real scale_adjoint =
        -(adjoint[0] * gradient + adjoint[1] * made.corrected_m) /
        (scale * scale);
    const Real dm = state_adjoint[0] + adjoint[1] / scale * made.correction1;
    // Where v is 0, so are g and m, and the inputs do not move with it.
    const Real of_v =
        made.root == 0 ? 0 : scale_adjoint * made.correction2 / (2 * made.root);
    const Real dv = state_adjoint[1] + of_v;
    state_adjoint[0] = Beta1() * dm;
    state_adjoint[1] = Beta2() * dv;
    return adjoint[0] / scale + (1 - Beta1()) * dm +
           2 * (1 - Beta2()) * gradient * dv;
  }

  Real P() const { return static_cast<Real>(spec_.log_and_sign().p()); }
  Real Slope() const { return std::exp(P()); }

  Real LogInput(Real gradient) const {
    return std::log(std::abs(gradient) + Real{kLogEpsilon}) / P();
  }

  Real LogAndSignBackward(Real gradient,
                          const std::vector<Real>& adjoint) const {
    Real result = 0;
    if (gradient != 0 && LogInput(gradient) > -1) {
      const Real sign = gradient > 0 ? 1 : -1;
      result +=
          sign * adjoint[0] / ((std::abs(gradient) + Real{kLogEpsilon}) * P());
    }
    if (std::abs(gradient * Slope()) <= 1) result += adjoint[1] * Slope();
    return result;
  }

  const v1::Preprocessing spec_;
};

}  // namespace metastep

#endif  // METASTEP_OPTIMIZER_PREPROCESSING_REFERENCE_H_
