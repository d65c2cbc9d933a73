// The Legendre memory unit written out for one coordinate (Voelker, Kajic and
// Eliasmith 2019): u = e (x, h, m), m' = A m + B u, h' = tanh(W (x, h, m') +
// b). Not for production.
#ifndef METASTEP_OPTIMIZER_LMU_REFERENCE_H_
#define METASTEP_OPTIMIZER_LMU_REFERENCE_H_

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "absl/types/span.h"
#include "metastep/v1/spec.pb.h"
#include "optimizer/cell_reference.h"
#include "optimizer/legendre_memory.h"

namespace metastep {

// Immutable; thread-safe.
template <typename Real>
class LmuReference final : public CellReference<Real> {
 public:
  using typename CellReference<Real>::Reals;

  explicit LmuReference(const v1::LmuSpec& spec)
      : memory_(MakeLegendreMemory(spec.memory_order(), spec.memory_length())) {
  }

  void Step(const CellLayer& layer, absl::Span<const Real> phi,
            const Reals& inputs, absl::Span<Real> state) const override {
    const Pass pass = Forward(layer, phi, inputs, state);
    std::copy(pass.h.begin(), pass.h.end(), state.begin());
    std::copy(pass.m.begin(), pass.m.end(), state.begin() + layer.units);
  }

  Reals StepBackward(const CellLayer& layer, absl::Span<const Real> phi,
                     const Reals& inputs, absl::Span<const Real> state,
                     absl::Span<Real> state_adjoint,
                     absl::Span<Real> phi_adjoint) const override {
    const size_t units = layer.units;
    const Pass pass = Forward(layer, phi, inputs, state);
    Reals z(units);  // dL/dpre-activations
    for (size_t u = 0; u < units; ++u) {
      z[u] = state_adjoint[u] * (1 - pass.h[u] * pass.h[u]);
    }
    Reals adjoint = this->MultiplyBackward(layer.products[kHidden], phi, pass.x,
                                           z, phi_adjoint);
    Reals m_adjoint = this->MultiplyBackward(layer.products[kMemory], phi,
                                             pass.m, z, phi_adjoint);
    for (size_t i = 0; i < order(); ++i) {
      m_adjoint[i] += state_adjoint[units + i];
    }
    const Reals of_encoder =
        this->MultiplyBackward(layer.products[kEncoder], phi, pass.encoded,
                               {Along(m_adjoint)}, phi_adjoint);
    for (size_t i = 0; i < adjoint.size(); ++i) adjoint[i] += of_encoder[i];
    for (size_t j = 0; j < order(); ++j) {
      state_adjoint[units + j] = of_encoder[adjoint.size() + j];
      for (size_t i = 0; i < order(); ++i) {
        state_adjoint[units + j] += A(i, j) * m_adjoint[i];
      }
    }
    std::copy(adjoint.begin() + layer.inputs, adjoint.end(),
              state_adjoint.begin());
    adjoint.resize(layer.inputs);
    return adjoint;
  }

 private:
  enum : size_t { kEncoder, kHidden, kMemory };

  struct Pass {
    Reals x;        // inputs, then h before; [inputs + units]
    Reals encoded;  // and m before; [inputs + units + order]
    Reals m;        // after the step, [order]
    Reals h;        // after the step, [units]
  };

  size_t order() const { return memory_.b.size(); }
  Real A(size_t i, size_t j) const {
    return static_cast<Real>(memory_.a[i * order() + j]);
  }

  // B . m
  Real Along(const Reals& m) const {
    Real sum = 0;
    for (size_t i = 0; i < order(); ++i) {
      sum += static_cast<Real>(memory_.b[i]) * m[i];
    }
    return sum;
  }

  Pass Forward(const CellLayer& layer, absl::Span<const Real> phi,
               const Reals& inputs, absl::Span<const Real> state) const {
    Pass pass;
    pass.x = this->Joined(inputs, state.first(layer.units));
    const absl::Span<const Real> m = state.subspan(layer.units);
    pass.encoded = this->Joined(pass.x, m);
    const Real u =
        this->Multiply(layer.products[kEncoder], phi, pass.encoded)[0];
    for (size_t i = 0; i < order(); ++i) {
      pass.m.push_back(static_cast<Real>(memory_.b[i]) * u);
      for (size_t j = 0; j < order(); ++j) pass.m[i] += A(i, j) * m[j];
    }
    const Reals of_x = this->Multiply(layer.products[kHidden], phi, pass.x);
    const Reals of_m = this->Multiply(layer.products[kMemory], phi, pass.m);
    for (size_t i = 0; i < layer.units; ++i) {
      pass.h.push_back(std::tanh(of_x[i] + of_m[i]));
    }
    return pass;
  }

  const LegendreMemory memory_;
};

}  // namespace metastep

#endif  // METASTEP_OPTIMIZER_LMU_REFERENCE_H_
