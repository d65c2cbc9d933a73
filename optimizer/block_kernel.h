// What the block kernel gives, for any cell.
#ifndef METASTEP_OPTIMIZER_BLOCK_KERNEL_H_
#define METASTEP_OPTIMIZER_BLOCK_KERNEL_H_

#include "absl/types/span.h"

namespace metastep {

// What comes of a LearnedRule::Window.
struct WindowAdjoint {
  // In: dL/dstate after the window; out: before it. Empty: zero, and not
  // wanted.
  absl::Span<float> state;
  // Out: dL/dg_t through the rule, [K][n]. Empty: not wanted.
  absl::Span<const absl::Span<float>> gradients;
  // += dL/dphi, [phi_size]: in float over the window of a block, at most 16 K
  // terms, then in double.
  absl::Span<double> phi;
};

}  // namespace metastep

#endif  // METASTEP_OPTIMIZER_BLOCK_KERNEL_H_
