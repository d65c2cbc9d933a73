// Stacks of recurrent cells by the block kernel: a group of one to three blocks
// of 16 coordinates at a time, by the widest vectors that the CPU has (Google
// Highway, dispatched at run time).
//
// A group is taken through preprocessing, layers and output, and in the
// backward pass through a whole window, while its numbers stay in cache: 20 kB
// a block and step for two LSTM layers of 20.
//
// Sums run in one order whatever the width of a vector, so all instruction sets
// that have fused multiply-add give the same bits.
#ifndef METASTEP_OPTIMIZER_RECURRENT_KERNEL_H_
#define METASTEP_OPTIMIZER_RECURRENT_KERNEL_H_

#include <cstdint>
#include <variant>
#include <vector>

#include "absl/types/span.h"
#include "optimizer/block_kernel.h"
#include "optimizer/cell_stack.h"
#include "optimizer/recurrent_architecture.h"
#include "optimizer/update_rule.h"

namespace metastep {

// What a cell needs besides phi.
struct LstmConstants {
  float forget_bias;
};
struct GruConstants {};
struct LmuConstants {
  std::vector<float> b;  // of the memory
};
using CellConstants = std::variant<LstmConstants, GruConstants, LmuConstants>;

// A rule's numbers. Immutable; thread-safe.
struct RecurrentWeights {
  // REQUIRES: phi.size() == architecture.stack.phi_size.
  RecurrentWeights(const RecurrentArchitecture& architecture,
                   absl::Span<const float> phi);

  const StackWeights stack;
  const CellConstants cell;
};

// Takes one step of n coordinates: UpdateRule::Step.
void RecurrentStep(const RecurrentWeights& weights, int64_t step,
                   absl::Span<const float> gradient,  // [n]
                   absl::Span<float> state,           // [variables of n]
                   absl::Span<float> update);         // [n]

// Backpropagates a window: LearnedRule::StepBackward and WindowBackward.
void RecurrentWindowBackward(const RecurrentWeights& weights,
                             const LearnedRule::Window& window,
                             const WindowAdjoint& adjoint);

}  // namespace metastep

#endif  // METASTEP_OPTIMIZER_RECURRENT_KERNEL_H_
