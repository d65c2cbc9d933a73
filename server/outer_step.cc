#include "server/outer_step.h"

#include <cmath>

namespace metastep {

std::vector<double> MeanGradient(
    const std::vector<std::vector<float>>& shards) {
  std::vector<double> mean(shards.front().size(), 0.0);
  for (const std::vector<float>& shard : shards) {
    for (size_t i = 0; i < mean.size(); ++i) mean[i] += shard[i];
  }
  const double scale = 1.0 / static_cast<double>(shards.size());
  for (double& value : mean) value *= scale;
  return mean;
}

double EuclideanNorm(absl::Span<const double> vector) {
  double squares = 0;
  for (const double value : vector) squares += value * value;
  return std::sqrt(squares);
}

std::vector<float> OuterStep(const UpdateRule& rule, int64_t step,
                             absl::Span<const double> gradient, double norm,
                             double clip_norm, absl::Span<const float> phi,
                             absl::Span<float> rule_state) {
  const double scale =
      clip_norm > 0 && norm > clip_norm ? clip_norm / norm : 1.0;
  std::vector<float> clipped(gradient.size());
  for (size_t i = 0; i < clipped.size(); ++i) {
    clipped[i] = static_cast<float>(gradient[i] * scale);
  }
  std::vector<float> next(phi.size());
  rule.Step(step, clipped, rule_state, absl::MakeSpan(next));
  for (size_t i = 0; i < next.size(); ++i) next[i] += phi[i];
  return next;
}

}  // namespace metastep
