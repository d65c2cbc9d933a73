// Resolved specs and meta-parameters for the learners' tests.
#ifndef METASTEP_TESTS_LEARNER_SPECS_H_
#define METASTEP_TESTS_LEARNER_SPECS_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/rng.h"
#include "optimizer/run_spec.h"

namespace metastep {

// The training spec with these fields, in text format; all others by default.
inline v1::TrainingSpec ResolvedTraining(absl::string_view fields) {
  const std::string text =
      absl::StrCat("name: 'test' task { square {} } training { ", fields, " }");
  v1::RunSpec spec = ParseRunSpec(text).value();
  if (spec.training().stages().empty()) spec.mutable_training()->set_rounds(1);
  return ResolveRunSpec(std::move(spec)).value().training();
}

inline v1::TaskSpec ResolvedTask(absl::string_view task) {
  const std::string text =
      absl::StrCat("name: 'test' task { ", task, " } training { rounds: 1 }");
  return ResolveRunSpec(ParseRunSpec(text).value()).value().task();
}

inline v1::HandDesignedSpec ResolvedRule(absl::string_view rule) {
  v1::RunSpec spec =
      ParseRunSpec(absl::StrCat("training { outer { rule { ", rule, " } } }"))
          .value();
  return ResolveHandDesigned(spec.training().outer().rule()).value();
}

// The first unroll of lane 0.
inline RngKey TrainingKey() {
  return {.seed = 1, .stream = RngStream::kTraining};
}

}  // namespace metastep

#endif  // METASTEP_TESTS_LEARNER_SPECS_H_
