// The LSTM cell written out for one coordinate (Andrychowicz et al., appendix
// A). Not for production.
#ifndef METASTEP_OPTIMIZER_LSTM_REFERENCE_H_
#define METASTEP_OPTIMIZER_LSTM_REFERENCE_H_

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "absl/types/span.h"
#include "metastep/v1/spec.pb.h"
#include "optimizer/cell_reference.h"

namespace metastep {

// Immutable; thread-safe.
template <typename Real>
class LstmReference final : public CellReference<Real> {
 public:
  using typename CellReference<Real>::Reals;

  explicit LstmReference(const v1::LstmSpec& spec)
      : forget_bias_(static_cast<Real>(spec.forget_bias())) {}

  void Step(const CellLayer& layer, absl::Span<const Real> phi,
            const Reals& inputs, absl::Span<Real> state) const override {
    const Pass pass = Forward(layer, phi, inputs, state);
    std::copy(pass.h.begin(), pass.h.end(), state.begin());
    std::copy(pass.c.begin(), pass.c.end(), state.begin() + layer.units);
  }

  Reals StepBackward(const CellLayer& layer, absl::Span<const Real> phi,
                     const Reals& inputs, absl::Span<const Real> state,
                     absl::Span<Real> state_adjoint,
                     absl::Span<Real> phi_adjoint) const override {
    const size_t units = layer.units;
    const Pass pass = Forward(layer, phi, inputs, state);
    Reals z(4 * units);  // dL/dpre-activations
    for (size_t u = 0; u < units; ++u) {
      const Real i = pass.i[u], j = pass.j[u], f = pass.f[u], o = pass.o[u];
      const Real tanh_c = std::tanh(pass.c[u]);
      const Real dh = state_adjoint[u];
      const Real dc = state_adjoint[units + u] + dh * o * (1 - tanh_c * tanh_c);
      z[u] = dc * j * i * (1 - i);
      z[units + u] = dc * i * (1 - j * j);
      z[2 * units + u] = dc * state[units + u] * f * (1 - f);
      z[3 * units + u] = dh * tanh_c * o * (1 - o);
      state_adjoint[units + u] = dc * f;
    }
    Reals adjoint =
        this->MultiplyBackward(layer.products[0], phi, pass.x, z, phi_adjoint);
    std::copy(adjoint.begin() + layer.inputs, adjoint.end(),
              state_adjoint.begin());
    adjoint.resize(layer.inputs);
    return adjoint;
  }

 private:
  struct Pass {
    Reals x;           // inputs, then h before; [inputs + units]
    Reals i, j, f, o;  // gates after their nonlinearity, [units]
    Reals c, h;        // [units]
  };

  Pass Forward(const CellLayer& layer, absl::Span<const Real> phi,
               const Reals& inputs, absl::Span<const Real> state) const {
    const size_t units = layer.units;
    Pass pass;
    pass.x = this->Joined(inputs, state.first(units));
    const Reals gates = this->Multiply(layer.products[0], phi, pass.x);
    for (size_t u = 0; u < units; ++u) {
      pass.i.push_back(this->Sigmoid(gates[u]));
      pass.j.push_back(std::tanh(gates[units + u]));
      pass.f.push_back(this->Sigmoid(gates[2 * units + u] + forget_bias_));
      pass.o.push_back(this->Sigmoid(gates[3 * units + u]));
      pass.c.push_back(pass.f[u] * state[units + u] + pass.i[u] * pass.j[u]);
      pass.h.push_back(pass.o[u] * std::tanh(pass.c[u]));
    }
    return pass;
  }

  const Real forget_bias_;
};

}  // namespace metastep

#endif  // METASTEP_OPTIMIZER_LSTM_REFERENCE_H_
