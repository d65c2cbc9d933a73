// A learned rule written out for one coordinate, in any precision: the naive
// twin that the kernel is tested against and, in double, the function whose
// finite differences test the meta-gradient. Not for production.
#ifndef METASTEP_OPTIMIZER_RECURRENT_REFERENCE_H_
#define METASTEP_OPTIMIZER_RECURRENT_REFERENCE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "optimizer/cell_reference.h"
#include "optimizer/gru_reference.h"
#include "optimizer/lmu_reference.h"
#include "optimizer/lstm_reference.h"
#include "optimizer/preprocessing_reference.h"
#include "optimizer/recurrent_architecture.h"

namespace metastep {

// Immutable; thread-safe.
template <typename Real>
class RecurrentReference {
 public:
  using Reals = std::vector<Real>;

  // REQUIRES: phi.size() == architecture.stack.phi_size.
  RecurrentReference(const RecurrentArchitecture& architecture, Reals phi)
      : stack_(architecture.stack),
        preprocessing_(stack_.preprocessing),
        cell_(MakeCell(architecture.spec)),
        phi_(std::move(phi)) {}

  // Returns the update for `gradient` and moves `state` [state_variables] on.
  // `step` counts from 1.
  Real Step(int64_t step, Real gradient, absl::Span<Real> state) const {
    return Forward(step, gradient, state).update;
  }

  // Backpropagates one step. `state` is the state before it; `state_adjoint`
  // goes from dL/dstate after the step to before it; adds dL/dphi to
  // `phi_adjoint`; returns dL/dgradient.
  Real StepBackward(int64_t step, Real gradient, absl::Span<const Real> state,
                    Real update_adjoint, absl::Span<Real> state_adjoint,
                    absl::Span<Real> phi_adjoint) const {
    Reals after(state.begin(), state.end());
    const Pass pass = Forward(step, gradient, absl::MakeSpan(after));
    Reals adjoint =
        OutputBackward(pass.inputs.back(), update_adjoint, phi_adjoint);
    for (size_t i = stack_.layers.size(); i-- > 0;) {
      const CellLayer& layer = stack_.layers[i];
      const absl::Span<Real> of_layer =
          state_adjoint.subspan(layer.state, layer.variables);
      for (size_t u = 0; u < layer.units; ++u) of_layer[u] += adjoint[u];
      adjoint = cell_->StepBackward(layer, phi_, pass.inputs[i],
                                    state.subspan(layer.state, layer.variables),
                                    of_layer, phi_adjoint);
    }
    return preprocessing_.StepBackward(step, gradient, state, adjoint,
                                       state_adjoint);
  }

 private:
  struct Pass {
    std::vector<Reals> inputs;  // of each layer, then of the output
    Real update;
  };

  static std::unique_ptr<const CellReference<Real>> MakeCell(
      const v1::LearnedRuleSpec& spec) {
    if (spec.has_gru()) return std::make_unique<GruReference<Real>>();
    if (spec.has_lmu()) return std::make_unique<LmuReference<Real>>(spec.lmu());
    return std::make_unique<LstmReference<Real>>(spec.lstm());
  }

  Pass Forward(int64_t step, Real gradient, absl::Span<Real> state) const {
    Pass pass;
    pass.inputs.push_back(preprocessing_.Step(step, gradient, state));
    for (const CellLayer& layer : stack_.layers) {
      const absl::Span<Real> of_layer =
          state.subspan(layer.state, layer.variables);
      cell_->Step(layer, phi_, pass.inputs.back(), of_layer);
      pass.inputs.emplace_back(of_layer.begin(),
                               of_layer.begin() + layer.units);
    }
    const Reals& top = pass.inputs.back();
    Real output = phi_[stack_.output_phi + top.size()];
    for (size_t i = 0; i < top.size(); ++i) {
      output += phi_[stack_.output_phi + i] * top[i];
    }
    // The last term makes a gradient that is not finite show in the update,
    // which saturated gates would hide.
    pass.update =
        static_cast<Real>(stack_.output_scale) * output + 0 * gradient;
    return pass;
  }

  // Returns the adjoint of the output's inputs.
  Reals OutputBackward(const Reals& top, Real update_adjoint,
                       absl::Span<Real> phi_adjoint) const {
    const Real adjoint =
        update_adjoint * static_cast<Real>(stack_.output_scale);
    Reals top_adjoint(top.size());
    for (size_t i = 0; i < top.size(); ++i) {
      top_adjoint[i] = adjoint * phi_[stack_.output_phi + i];
      phi_adjoint[stack_.output_phi + i] += adjoint * top[i];
    }
    phi_adjoint[stack_.output_phi + top.size()] += adjoint;
    return top_adjoint;
  }

  const CellStack stack_;
  const PreprocessingReference<Real> preprocessing_;
  const std::unique_ptr<const CellReference<Real>> cell_;
  const Reals phi_;
};

}  // namespace metastep

#endif  // METASTEP_OPTIMIZER_RECURRENT_REFERENCE_H_
