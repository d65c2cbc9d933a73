#include "server/curve_size.h"

#include "absl/strings/str_format.h"

namespace metastep {

absl::Status CheckCurveSize(const v1::EvaluationResult& result, int steps) {
  if (result.losses_size() == steps + 1) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrFormat("the curve has %d losses; an unroll of %d steps has %d",
                      result.losses_size(), steps, steps + 1));
}

}  // namespace metastep
