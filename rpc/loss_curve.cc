#include "rpc/loss_curve.h"

#include "base/curve_stats.h"

namespace metastep {

v1::LossCurve MeanCurve(const std::string& label,
                        absl::Span<const std::vector<double>> tasks) {
  const CurveStats stats = StatsOf(tasks);
  v1::LossCurve curve;
  curve.set_label(label);
  curve.mutable_loss()->Add(stats.mean.begin(), stats.mean.end());
  curve.mutable_deviation()->Add(stats.deviation.begin(),
                                 stats.deviation.end());
  curve.mutable_final_losses()->Add(stats.finals.begin(), stats.finals.end());
  curve.mutable_sums_of_losses()->Add(stats.sums.begin(), stats.sums.end());
  return curve;
}

}  // namespace metastep
