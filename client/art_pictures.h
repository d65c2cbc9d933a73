// The pictures that update rules make of a neural art task, before and after.
#ifndef METASTEP_CLIENT_ART_PICTURES_H_
#define METASTEP_CLIENT_ART_PICTURES_H_

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/comparison.h"
#include "client/evaluator.h"
#include "client/picture_strip.h"
#include "metastep/v1/run_service.pb.h"
#include "metastep/v1/spec.pb.h"

namespace metastep {

// OK if the thetas of these tasks are pictures that an evaluation can keep
// (EvaluationSpec.keep_theta). Errors: InvalidArgument, with the task's kind or
// size. REQUIRES: `task` is resolved.
absl::Status CheckKeepsPictures(const v1::TaskSpec& task);

// The curve's final theta as a picture with the curve's label. Errors:
// Internal: it is not of the task's size.
// REQUIRES: CheckKeepsPictures is OK, and the curve's evaluation keeps theta.
absl::StatusOr<Picture> PictureOf(const v1::LossCurve& curve,
                                  const v1::TaskSpec& task);

// The first test task at its start and after `steps` steps of the hand-designed
// rule with the least final loss in `rules`, at its rate for that, and of each
// model, under the name that it has in `rules`. Errors: the evaluator's, and
// those of PictureOf.
// REQUIRES: CheckKeepsPictures is OK; `rules` is Compare's result for `models`.
absl::StatusOr<std::vector<Picture>> BeforeAndAfter(
    Evaluator& evaluator, const v1::TaskSpec& task,
    const std::vector<v1::ModelInfo>& models,
    const std::vector<ComparedRule>& rules, int steps);

}  // namespace metastep

#endif  // METASTEP_CLIENT_ART_PICTURES_H_
