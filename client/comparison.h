// Learned update rules against hand-designed ones, each of those at its own
// best learning rate, on tasks that no choice has seen (Andrychowicz et al.,
// section 3).
#ifndef METASTEP_CLIENT_COMPARISON_H_
#define METASTEP_CLIENT_COMPARISON_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/evaluator.h"
#include "client/tuning.h"
#include "metastep/v1/model.pb.h"
#include "metastep/v1/run_service.pb.h"

namespace metastep {

struct ComparisonOptions {
  std::vector<v1::ModelInfo> models;
  // Hand-designed rules, of HandDesignedRuleNames().
  std::vector<std::string> baselines = HandDesignedRuleNames();
  int tuning_tasks = 2;
  int tasks = 10;
  int steps = 100;
};

// One measurement of a rule.
struct ComparedCurve {
  std::optional<double> learning_rate;  // unset for a learned rule
  v1::LossCurve curve;
};

// How one rule did. A hand-designed rule is judged twice: by the sum of losses
// at the learning rate that is best for that, and likewise by the final loss.
struct ComparedRule {
  std::string name;
  ComparedCurve by_sum;
  ComparedCurve by_final;
};

// A sole model goes by the kind of its rule ("lstm"), several by name@version.
// The models come first. Errors: the evaluator's.
absl::StatusOr<std::vector<ComparedRule>> Compare(
    Evaluator& evaluator, const ComparisonOptions& options);

}  // namespace metastep

#endif  // METASTEP_CLIENT_COMPARISON_H_
