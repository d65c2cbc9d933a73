// A stack of recurrent cells as the block kernel takes it (block_kernel-inl.h):
// the rows of numbers that a step has for each coordinate, the products that
// lead from one to the other, and where their weights stand in phi.
#ifndef METASTEP_OPTIMIZER_CELL_STACK_H_
#define METASTEP_OPTIMIZER_CELL_STACK_H_

#include <cstddef>
#include <vector>

#include "absl/types/span.h"
#include "metastep/v1/spec.pb.h"
#include "optimizer/preprocessing.h"

namespace metastep {

// out = weight^T in + bias. Rows count from the layer's first.
//
// A weight that is not learned is a constant: it counts as standing behind the
// end of phi, where StackWeights puts the constants.
//
// In phi the columns stand gate after gate, [gates][units]; among the rows unit
// after unit, [units][gates], so that what a unit needs is made together.
struct CellProduct {
  const char* name;  // of its tensors among the layer's; may be empty
  // First operand, among the inputs and the state before the step or, if they
  // are copies of state after the step, among the cell's own rows.
  size_t in;
  size_t depth;  // operands
  size_t out;    // first result, among the cell's own rows
  size_t units;
  size_t gates;
  // What is added to: the bias, nothing, or what the rows hold. Only the first
  // has a bias.
  enum class Base { kBias, kZero, kRows };
  Base base = Base::kBias;
  bool learned = true;
  size_t after = 0;  // of operands among the own rows: which state variables
                     // they copy, the first one
  size_t phi = 0;  // of the weight [depth, gates * units], row-major; the bias
                   // [gates * units] follows at once

  size_t columns() const { return gates * units; }
  // Rows of columns() in phi: the weight's and, if there is one, the bias.
  size_t phi_rows() const { return depth + (base == Base::kBias ? 1 : 0); }
  size_t phi_floats() const { return phi_rows() * columns(); }
  // Where in a row of phi the result with this row is.
  size_t phi_column(size_t row) const {
    return row % gates * units + row / gates;
  }
};

// The rows of a layer at one step: its inputs, its state before the step, and
// those of the cell's own, in which it keeps what its backward pass needs.
struct CellLayer {
  size_t inputs;
  size_t units;      // its outputs: the first of its state variables
  size_t variables;  // of its state
  size_t own_rows;
  size_t state = 0;  // its first state variable among the stack's
  std::vector<CellProduct> products = {};

  size_t own() const { return inputs + variables; }  // the first of its own

  size_t rows() const { return inputs + variables + own_rows; }
  // The state variables before the step that products take: the first so many.
  size_t multiplied_variables() const;
};

struct CellStack {
  v1::Preprocessing preprocessing;
  double output_scale = 1;
  std::vector<CellLayer> layers;
  size_t output_inputs = 0;    // rows of the output's weight
  size_t output_phi = 0;       // of the output's weight; its bias follows
  size_t phi_size = 0;         // floats
  size_t state_variables = 0;  // for each coordinate

  // Inputs that preprocessing makes of a gradient, and its variables, which are
  // the first of the state.
  size_t inputs() const { return PreprocessedInputs(preprocessing); }
  size_t preprocessing_variables() const {
    return PreprocessingVariables(preprocessing);
  }
};

// Where each layer begins among the rows of one step, and each product among
// the rows that sum up dL/dphi.
struct CellStackLayout {
  explicit CellStackLayout(const CellStack& stack);

  std::vector<size_t> layers;
  size_t top = 0;            // inputs of the output
  size_t preprocessing = 0;  // its state before the step
  size_t rows = 0;           // of one step
  // Of each learned product of each layer: for every 16 columns, [depth + 1]
  // rows whose lanes are those columns; the last is the bias's, if there is
  // one.
  std::vector<std::vector<size_t>> sums;
  size_t output_sums = 0;  // [output_inputs + 1], whose lanes are coordinates
  size_t sum_rows = 0;
};

// A rule's weights. Immutable; thread-safe.
struct StackWeights {
  // REQUIRES: phi.size() == stack.phi_size; `constants` hold the weights of the
  // products that are not learned.
  StackWeights(CellStack stack, absl::Span<const float> phi,
               absl::Span<const float> constants);

  const CellStack stack;
  const CellStackLayout layout;
  const std::vector<float> phi;
  // phi and the constants, with the columns of each product in the order of its
  // rows.
  const std::vector<float> by_row;
  // Each product's weight in by_row as [columns, depth], where it is in phi:
  // the backward pass reads rows of it.
  const std::vector<float> transposed;
};

}  // namespace metastep

#endif  // METASTEP_OPTIMIZER_CELL_STACK_H_
