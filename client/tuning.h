// Learning rates for the hand-designed rules, chosen on tasks that the
// comparison itself does not use.
#ifndef METASTEP_CLIENT_TUNING_H_
#define METASTEP_CLIENT_TUNING_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/evaluator.h"
#include "metastep/v1/spec.pb.h"

namespace metastep {

// One hand-designed rule at its best.
struct TunedRule {
  std::string name;            // "adam"
  double learning_rate_sum;    // least mean sum of losses
  double learning_rate_final;  // least mean final loss
};

// "sgd", "momentum", "nag", "rmsprop", "adam".
std::vector<std::string> HandDesignedRuleNames();

// These rules, each at the learning rates that do best on `tasks` TUNING tasks
// of `steps` steps. Coarse to fine: two rates a decade from 10^-3.5 to 10^0.5
// (SGD and NAG: to 10), by a decade more while the best lies at an edge, within
// [10^-8, 10^3]; then six a decade around the best. A learning rate that
// diverges loses.
// REQUIRES: each name is one of HandDesignedRuleNames(). Errors: the
// evaluator's.
absl::StatusOr<std::vector<TunedRule>> TuneHandDesignedRules(
    Evaluator& evaluator, const std::vector<std::string>& names, int tasks,
    int steps);

// The rule of that name ("adam") with torch's defaults otherwise.
// REQUIRES: one of HandDesignedRuleNames().
v1::HandDesignedSpec HandDesignedRule(absl::string_view name,
                                      double learning_rate);

}  // namespace metastep

#endif  // METASTEP_CLIENT_TUNING_H_
