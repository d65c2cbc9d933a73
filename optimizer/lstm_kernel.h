// The coordinate-wise LSTM, 16 coordinates at a time, by the widest vectors
// that the CPU has (Google Highway, dispatched at run time).
//
// A block of 16 coordinates is taken through preprocessing, layers and output,
// and in the backward pass through a whole window, while its numbers stay in
// cache: 21 kB a step for two layers of 20.
//
// Sums run in one order whatever the width of a vector, so all instruction sets
// that have fused multiply-add give the same bits.
#ifndef METASTEP_OPTIMIZER_LSTM_KERNEL_H_
#define METASTEP_OPTIMIZER_LSTM_KERNEL_H_

#include <vector>

#include "absl/types/span.h"
#include "optimizer/lstm_architecture.h"

namespace metastep {

// A rule's weights. Immutable; thread-safe.
struct LstmWeights {
  // REQUIRES: phi.size() == architecture.phi_size.
  LstmWeights(LstmArchitecture architecture, absl::Span<const float> phi);

  const LstmArchitecture architecture;
  const std::vector<float> phi;
  // Each layer's weight as [4 * units, inputs + units], where it is in phi: the
  // backward pass reads rows of it.
  const std::vector<float> transposed;
};

// Takes one step of n coordinates: UpdateRule::Step.
void LstmStep(const LstmWeights& weights,
              absl::Span<const float> gradient,  // [n]
              absl::Span<float> state,           // [variables of n]
              absl::Span<float> update);         // [n]

// K steps of n coordinates.
struct LstmWindow {
  absl::Span<const absl::Span<const float>> gradients;        // [K][n]
  absl::Span<const float> state;                              // before them
  absl::Span<const absl::Span<const float>> update_adjoints;  // [K][n]
};

struct LstmWindowAdjoint {
  // In: dL/dstate after the window; out: before it. Empty: zero, and not
  // wanted.
  absl::Span<float> state;
  // Out: dL/dg_t, [K][n]. Empty: not wanted.
  absl::Span<const absl::Span<float>> gradients;
  // += dL/dphi, [phi_size]: in float over the window of a block, at most 16 K
  // terms, then in double.
  absl::Span<double> phi;
};

// Backpropagates a window: LearnedRule::StepBackward and WindowBackward.
void LstmWindowBackward(const LstmWeights& weights, const LstmWindow& window,
                        const LstmWindowAdjoint& adjoint);

}  // namespace metastep

#endif  // METASTEP_OPTIMIZER_LSTM_KERNEL_H_
