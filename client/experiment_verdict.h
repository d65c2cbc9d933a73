// What an experiment's thresholds say of what was measured.
#ifndef METASTEP_CLIENT_EXPERIMENT_VERDICT_H_
#define METASTEP_CLIENT_EXPERIMENT_VERDICT_H_

#include <string>
#include <vector>

#include "client/comparison.h"
#include "metastep/v1/experiment.pb.h"

namespace metastep {

struct Verdict {
  std::string claim;  // "mnist at step 99 at most 0.252"
  double measured;
  double limit;
  bool holds;  // never of a NaN
};

// One for each threshold, in their order. What is compared with a hand-designed
// rule's final loss is compared with the rule as tuned for that; likewise sums.
// REQUIRES: `part` is resolved, and `rules` are its models by their names, and
// its hand-designed rules.
std::vector<Verdict> Judge(const v1::ExperimentPart& part,
                           const std::vector<ComparedRule>& rules);

}  // namespace metastep

#endif  // METASTEP_CLIENT_EXPERIMENT_VERDICT_H_
