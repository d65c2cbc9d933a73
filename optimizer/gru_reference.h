// The GRU cell written out for one coordinate (Cho et al. 2014, with the reset
// gate after the product): r, z = sigmoid(W (x, h) + b),
// n = tanh(W x + b + r * (U h + c)), h' = (1 - z) * n + z * h. Not for
// production.
#ifndef METASTEP_OPTIMIZER_GRU_REFERENCE_H_
#define METASTEP_OPTIMIZER_GRU_REFERENCE_H_

#include <cmath>
#include <cstddef>

#include "absl/types/span.h"
#include "optimizer/cell_reference.h"

namespace metastep {

// Immutable; thread-safe.
template <typename Real>
class GruReference final : public CellReference<Real> {
 public:
  using typename CellReference<Real>::Reals;

  void Step(const CellLayer& layer, absl::Span<const Real> phi,
            const Reals& inputs, absl::Span<Real> state) const override {
    const Pass pass = Forward(layer, phi, inputs, state);
    for (size_t u = 0; u < layer.units; ++u) {
      state[u] = (1 - pass.z[u]) * pass.n[u] + pass.z[u] * state[u];
    }
  }

  Reals StepBackward(const CellLayer& layer, absl::Span<const Real> phi,
                     const Reals& inputs, absl::Span<const Real> state,
                     absl::Span<Real> state_adjoint,
                     absl::Span<Real> phi_adjoint) const override {
    const size_t units = layer.units;
    const Pass pass = Forward(layer, phi, inputs, state);
    Reals gates(2 * units), candidate(units), recurrent(units);
    for (size_t u = 0; u < units; ++u) {
      const Real r = pass.r[u], z = pass.z[u], n = pass.n[u];
      const Real dh = state_adjoint[u];
      candidate[u] = dh * (1 - z) * (1 - n * n);
      recurrent[u] = candidate[u] * r;
      gates[u] = candidate[u] * pass.recurrent[u] * r * (1 - r);
      gates[units + u] = dh * (state[u] - n) * z * (1 - z);
      state_adjoint[u] = dh * z;
    }
    const Reals h(state.begin(), state.end());
    const Reals of_gates =
        this->MultiplyBackward(layer.products[0], phi,
                               this->Joined(inputs, state), gates, phi_adjoint);
    Reals adjoint = this->MultiplyBackward(layer.products[1], phi, inputs,
                                           candidate, phi_adjoint);
    const Reals of_recurrent = this->MultiplyBackward(layer.products[2], phi, h,
                                                      recurrent, phi_adjoint);
    for (size_t i = 0; i < layer.inputs; ++i) adjoint[i] += of_gates[i];
    for (size_t u = 0; u < units; ++u) {
      state_adjoint[u] += of_gates[layer.inputs + u] + of_recurrent[u];
    }
    return adjoint;
  }

 private:
  struct Pass {
    Reals r, z, n;    // after their nonlinearity, [units]
    Reals recurrent;  // U h + c, [units]
  };

  Pass Forward(const CellLayer& layer, absl::Span<const Real> phi,
               const Reals& inputs, absl::Span<const Real> state) const {
    const size_t units = layer.units;
    Pass pass;
    const Reals gates =
        this->Multiply(layer.products[0], phi, this->Joined(inputs, state));
    const Reals candidate = this->Multiply(layer.products[1], phi, inputs);
    pass.recurrent = this->Multiply(layer.products[2], phi,
                                    Reals(state.begin(), state.end()));
    for (size_t u = 0; u < units; ++u) {
      pass.r.push_back(this->Sigmoid(gates[u]));
      pass.z.push_back(this->Sigmoid(gates[units + u]));
      pass.n.push_back(std::tanh(candidate[u] + pass.r[u] * pass.recurrent[u]));
    }
    return pass;
  }
};

}  // namespace metastep

#endif  // METASTEP_OPTIMIZER_GRU_REFERENCE_H_
