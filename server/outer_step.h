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

// Moves phi by `rule` along a mean gradient of norm `norm`, which is scaled
// down to `clip_norm` if that is above 0. `step` counts from 1.
std::vector<float> OuterStep(const UpdateRule& rule, int64_t step,
                             absl::Span<const double> gradient, double norm,
                             double clip_norm, absl::Span<const float> phi,
                             absl::Span<float> rule_state);

}  // namespace metastep

#endif  // METASTEP_SERVER_OUTER_STEP_H_
