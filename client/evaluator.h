// The seam between what a comparison asks for and who computes it.
#ifndef METASTEP_CLIENT_EVALUATOR_H_
#define METASTEP_CLIENT_EVALUATOR_H_

#include <vector>

#include "absl/status/statusor.h"
#include "metastep/v1/run_service.pb.h"
#include "metastep/v1/spec.pb.h"

namespace metastep {

// Unrolls update rules on the tasks of one family. Not thread-safe.
class Evaluator {
 public:
  virtual ~Evaluator() = default;

  // One curve for each entry, in their order, on the same tasks. A rule that
  // diverges gives infinities or NaNs, not an error.
  // Errors: those of the services behind it.
  virtual absl::StatusOr<std::vector<v1::LossCurve>> Evaluate(
      const v1::EvaluationSpec& what) = 0;
};

}  // namespace metastep

#endif  // METASTEP_CLIENT_EVALUATOR_H_
