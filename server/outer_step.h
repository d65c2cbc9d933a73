// The outer step: from the shards' meta-gradients to the next phi.
#ifndef METASTEP_SERVER_OUTER_STEP_H_
#define METASTEP_SERVER_OUTER_STEP_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "optimizer/update_rule.h"

namespace metastep {

// The mean of the shards' meta-gradients, summed in double in the order of the
// shards, so that it depends neither on who computed them nor on when.
// REQUIRES: at least one shard, all of one size.
std::vector<double> MeanGradient(
    const std::vector<std::vector<float>>& shards);  // [shards][phi]

double EuclideanNorm(absl::Span<const double> vector);

// The factor on the update of step `step` (from 1) of `rounds`: linear from 1
// towards `decay_to`, which a step after the last would have.
double DecayFactor(int64_t step, int64_t rounds, double decay_to);

// How an outer step bounds and scales what the rule does.
struct OuterScaling {
  double clip_norm;  // of the gradient; 0 does not clip
  double factor;     // on the update
};

// Moves phi by `rule` along a mean gradient of norm `norm`. `step` counts from
// 1.
std::vector<float> OuterStep(const UpdateRule& rule, int64_t step,
                             absl::Span<const double> gradient, double norm,
                             const OuterScaling& scaling,
                             absl::Span<const float> phi,
                             absl::Span<float> rule_state);

}  // namespace metastep

#endif  // METASTEP_SERVER_OUTER_STEP_H_
