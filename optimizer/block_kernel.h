// What the block kernel takes and gives, for any cell.
#ifndef METASTEP_OPTIMIZER_BLOCK_KERNEL_H_
#define METASTEP_OPTIMIZER_BLOCK_KERNEL_H_

#include <cstdint>

#include "absl/types/span.h"

namespace metastep {

// K steps of n coordinates, first_step, first_step + 1, ... dL/du_t is the sum
// over s > t of weights[s - 1] * gradients[s], added up from s = K, where s
// goes up to K.
struct KernelWindow {
  absl::Span<const absl::Span<const float>> gradients;  // [K + 1][n]
  absl::Span<const float> weights;                      // [K]
  absl::Span<const float> state;                        // before the first step
  int64_t first_step;                                   // counts from 1
};

struct KernelWindowAdjoint {
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
