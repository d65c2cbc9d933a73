// What a worker may submit as the curve of an evaluation.
#ifndef METASTEP_SERVER_CURVE_SIZE_H_
#define METASTEP_SERVER_CURVE_SIZE_H_

#include "absl/status/status.h"
#include "metastep/v1/coordinator_service.pb.h"

namespace metastep {

// Errors: InvalidArgument, unless the result has steps + 1 losses.
absl::Status CheckCurveSize(const v1::EvaluationResult& result, int steps);

}  // namespace metastep

#endif  // METASTEP_SERVER_CURVE_SIZE_H_
