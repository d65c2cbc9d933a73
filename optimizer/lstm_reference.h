// The coordinate-wise LSTM written out for one coordinate, in any precision:
// the naive twin that the kernel is tested against and, in double, the function
// whose finite differences test the meta-gradient. Not for production.
#ifndef METASTEP_OPTIMIZER_LSTM_REFERENCE_H_
#define METASTEP_OPTIMIZER_LSTM_REFERENCE_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "optimizer/lstm_architecture.h"
#include "optimizer/preprocessing_reference.h"

namespace metastep {

// Immutable; thread-safe.
template <typename Real>
class LstmReference {
 public:
  // REQUIRES: phi.size() == architecture.phi_size.
  LstmReference(LstmArchitecture architecture, std::vector<Real> phi)
      : architecture_(std::move(architecture)),
        preprocessing_(architecture_.preprocessing),
        phi_(std::move(phi)) {}

  const LstmArchitecture& architecture() const { return architecture_; }

  // Returns the update for `gradient` and moves `state` [state_variables] on.
  // `step` counts from 1.
  Real Step(int64_t step, Real gradient, absl::Span<Real> state) const {
    const Pass pass = Forward(step, gradient, state);
    std::copy(pass.state.begin(), pass.state.end(), state.begin());
    for (size_t i = 0; i < pass.layers.size(); ++i) {
      const LstmLayer& layer = architecture_.layers[i];
      const LayerPass& made = pass.layers[i];
      std::copy(made.h.begin(), made.h.end(), &state[layer.state]);
      std::copy(made.c.begin(), made.c.end(),
                &state[layer.state + layer.units]);
    }
    return pass.update;
  }

  // Backpropagates one step. `state` is the state before it; `state_adjoint`
  // goes from dL/dstate after the step to before it; adds dL/dphi to
  // `phi_adjoint`; returns dL/dgradient.
  Real StepBackward(int64_t step, Real gradient, absl::Span<const Real> state,
                    Real update_adjoint, absl::Span<Real> state_adjoint,
                    absl::Span<Real> phi_adjoint) const {
    const Pass pass = Forward(step, gradient, state);
    const Real output_adjoint =
        update_adjoint * static_cast<Real>(architecture_.output_scale);
    std::vector<Real> adjoint(pass.top.size());
    const int64_t output = architecture_.output_phi;
    for (size_t i = 0; i < pass.top.size(); ++i) {
      adjoint[i] = output_adjoint * phi_[output + i];
      phi_adjoint[output + i] += output_adjoint * pass.top[i];
    }
    phi_adjoint[output + pass.top.size()] += output_adjoint;
    for (size_t i = pass.layers.size(); i-- > 0;) {
      const LstmLayer& layer = architecture_.layers[i];
      adjoint = LayerBackward(
          layer, pass.layers[i],
          state.subspan(layer.state + layer.units, layer.units), adjoint,
          state_adjoint.subspan(layer.state, 2 * layer.units), phi_adjoint);
    }
    return preprocessing_.StepBackward(step, gradient, state, adjoint,
                                       state_adjoint);
  }

 private:
  struct LayerPass {
    std::vector<Real> x;           // inputs, then h before; [inputs + units]
    std::vector<Real> i, j, f, o;  // gates after their nonlinearity, [units]
    std::vector<Real> c;           // [units]
    std::vector<Real> tanh_c;      // [units]
    std::vector<Real> h;           // [units]
  };
  struct Pass {
    std::vector<Real> state;  // of the preprocessing after the step
    std::vector<LayerPass> layers;
    std::vector<Real> top;  // inputs of the output
    Real update;
  };

  static Real Sigmoid(Real x) { return 1 / (1 + std::exp(-x)); }

  Pass Forward(int64_t step, Real gradient,
               absl::Span<const Real> state) const {
    Pass pass;
    pass.state.assign(
        state.begin(),
        state.begin() + PreprocessingVariables(architecture_.preprocessing));
    pass.top = preprocessing_.Step(step, gradient, absl::MakeSpan(pass.state));
    for (const LstmLayer& layer : architecture_.layers) {
      pass.layers.push_back(LayerForward(layer, pass.top, state));
      pass.top = pass.layers.back().h;
    }
    const Real* weight = &phi_[architecture_.output_phi];
    Real output = weight[pass.top.size()];
    for (size_t i = 0; i < pass.top.size(); ++i) {
      output += weight[i] * pass.top[i];
    }
    // The last term makes a gradient that is not finite show in the update,
    // which saturated gates would hide.
    pass.update =
        static_cast<Real>(architecture_.output_scale) * output + 0 * gradient;
    return pass;
  }

  LayerPass LayerForward(const LstmLayer& layer, std::vector<Real> inputs,
                         absl::Span<const Real> state) const {
    const absl::Span<const Real> h = state.subspan(layer.state, layer.units);
    const absl::Span<const Real> c =
        state.subspan(layer.state + layer.units, layer.units);
    LayerPass pass;
    pass.x = std::move(inputs);
    pass.x.insert(pass.x.end(), h.begin(), h.end());
    for (int64_t unit = 0; unit < layer.units; ++unit) {
      pass.i.push_back(Sigmoid(Gate(layer, 0, unit, pass.x)));
      pass.j.push_back(std::tanh(Gate(layer, 1, unit, pass.x)));
      pass.f.push_back(Sigmoid(Gate(layer, 2, unit, pass.x) +
                               static_cast<Real>(architecture_.forget_bias)));
      pass.o.push_back(Sigmoid(Gate(layer, 3, unit, pass.x)));
      pass.c.push_back(pass.f[unit] * c[unit] + pass.i[unit] * pass.j[unit]);
      pass.tanh_c.push_back(std::tanh(pass.c[unit]));
      pass.h.push_back(pass.o[unit] * pass.tanh_c[unit]);
    }
    return pass;
  }

  // Pre-activation of one gate of one unit.
  Real Gate(const LstmLayer& layer, int gate, int64_t unit,
            const std::vector<Real>& x) const {
    const Real* column = &phi_[layer.phi + gate * layer.units + unit];
    Real sum = column[x.size() * layer.gates()];
    for (size_t row = 0; row < x.size(); ++row) {
      sum += column[row * layer.gates()] * x[row];
    }
    return sum;
  }

  // `h_adjoint` is dL/dh through the layers above, `state_adjoint` that of h
  // and c [2 * units] through later steps. Returns dL/dinputs.
  std::vector<Real> LayerBackward(const LstmLayer& layer, const LayerPass& pass,
                                  absl::Span<const Real> c_before,
                                  const std::vector<Real>& h_adjoint,
                                  absl::Span<Real> state_adjoint,
                                  absl::Span<Real> phi_adjoint) const {
    const int64_t units = layer.units;
    std::vector<Real> z(layer.gates());  // dL/dpre-activations
    for (int64_t u = 0; u < units; ++u) {
      const Real i = pass.i[u], j = pass.j[u], f = pass.f[u], o = pass.o[u];
      const Real tanh_c = pass.tanh_c[u];
      const Real dh = h_adjoint[u] + state_adjoint[u];
      const Real dc = state_adjoint[units + u] + dh * o * (1 - tanh_c * tanh_c);
      z[u] = dc * j * i * (1 - i);
      z[units + u] = dc * i * (1 - j * j);
      z[2 * units + u] = dc * c_before[u] * f * (1 - f);
      z[3 * units + u] = dh * tanh_c * o * (1 - o);
      state_adjoint[units + u] = dc * f;
    }
    std::vector<Real> x_adjoint(pass.x.size());
    for (size_t row = 0; row <= pass.x.size(); ++row) {
      const int64_t begin = layer.phi + row * layer.gates();
      for (int64_t column = 0; column < layer.gates(); ++column) {
        const bool is_bias = row == pass.x.size();
        phi_adjoint[begin + column] += z[column] * (is_bias ? 1 : pass.x[row]);
        if (!is_bias) x_adjoint[row] += z[column] * phi_[begin + column];
      }
    }
    std::copy(x_adjoint.begin() + layer.inputs, x_adjoint.end(),
              state_adjoint.begin());
    x_adjoint.resize(layer.inputs);
    return x_adjoint;
  }

  const LstmArchitecture architecture_;
  const PreprocessingReference<Real> preprocessing_;
  const std::vector<Real> phi_;
};

}  // namespace metastep

#endif  // METASTEP_OPTIMIZER_LSTM_REFERENCE_H_
