// One layer of a learned rule written out for one coordinate, in any precision:
// the naive twins of the cells of the block kernel derive from it. Not for
// production.
#ifndef METASTEP_OPTIMIZER_CELL_REFERENCE_H_
#define METASTEP_OPTIMIZER_CELL_REFERENCE_H_

#include <cmath>
#include <cstddef>
#include <vector>

#include "absl/types/span.h"
#include "optimizer/cell_stack.h"

namespace metastep {

// Immutable; thread-safe.
template <typename Real>
class CellReference {
 public:
  using Reals = std::vector<Real>;

  virtual ~CellReference() = default;

  // Moves `state` [variables] from before the step to after it. Its first
  // `units` are then the outputs.
  virtual void Step(const CellLayer& layer, absl::Span<const Real> phi,
                    const Reals& inputs, absl::Span<Real> state) const = 0;

  // Backpropagates one step. `state` is the state before it; `state_adjoint`
  // goes from dL/dstate after the step, that through the layers above included,
  // to before it; adds dL/dphi to `phi_adjoint`; returns dL/dinputs.
  virtual Reals StepBackward(const CellLayer& layer, absl::Span<const Real> phi,
                             const Reals& inputs, absl::Span<const Real> state,
                             absl::Span<Real> state_adjoint,
                             absl::Span<Real> phi_adjoint) const = 0;

 protected:
  static Real Sigmoid(Real x) { return 1 / (1 + std::exp(-x)); }

  // One vector after the other.
  static Reals Joined(Reals first, absl::Span<const Real> second) {
    first.insert(first.end(), second.begin(), second.end());
    return first;
  }

  // weight^T x and, if there is one, the bias, in phi's order of columns.
  static Reals Multiply(const CellProduct& product, absl::Span<const Real> phi,
                        const Reals& x) {
    const size_t columns = product.columns();
    Reals sums(columns);
    for (size_t column = 0; column < columns; ++column) {
      const Real* const at = &phi[product.phi + column];
      if (HasBias(product)) sums[column] = at[product.depth * columns];
      for (size_t row = 0; row < product.depth; ++row) {
        sums[column] += at[row * columns] * x[row];
      }
    }
    return sums;
  }

  // From the adjoint of Multiply's result to that of x; adds dL/dphi.
  static Reals MultiplyBackward(const CellProduct& product,
                                absl::Span<const Real> phi, const Reals& x,
                                const Reals& adjoint,
                                absl::Span<Real> phi_adjoint) {
    Reals x_adjoint(product.depth);
    for (size_t column = 0; column < product.columns(); ++column) {
      for (size_t row = 0; row < product.depth; ++row) {
        const size_t at = product.phi + row * product.columns() + column;
        phi_adjoint[at] += adjoint[column] * x[row];
        x_adjoint[row] += adjoint[column] * phi[at];
      }
      if (!HasBias(product)) continue;
      phi_adjoint[product.phi + product.depth * product.columns() + column] +=
          adjoint[column];
    }
    return x_adjoint;
  }

 private:
  static bool HasBias(const CellProduct& product) {
    return product.base == CellProduct::Base::kBias;
  }
};

}  // namespace metastep

#endif  // METASTEP_OPTIMIZER_CELL_REFERENCE_H_
