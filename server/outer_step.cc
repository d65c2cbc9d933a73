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

double DecayFactor(int64_t step, int64_t rounds, double decay_to) {
  const double passed =
      static_cast<double>(step - 1) / static_cast<double>(rounds);
  return 1 + passed * (decay_to - 1);
}

std::vector<float> OuterStep(const UpdateRule& rule, int64_t step,
                             absl::Span<const double> gradient, double norm,
                             const OuterScaling& scaling,
                             absl::Span<const float> phi,
                             absl::Span<float> rule_state) {
  const double clip = scaling.clip_norm;
  const double scale = clip > 0 && norm > clip ? clip / norm : 1.0;
  std::vector<float> clipped(gradient.size());
  for (size_t i = 0; i < clipped.size(); ++i) {
    clipped[i] = static_cast<float>(gradient[i] * scale);
  }
  std::vector<float> next(phi.size());
  rule.Step(step, clipped, rule_state, absl::MakeSpan(next));
  const float factor = static_cast<float>(scaling.factor);
  for (size_t i = 0; i < next.size(); ++i) next[i] = phi[i] + factor * next[i];
  return next;
}

}  // namespace metastep
