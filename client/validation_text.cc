#include "client/validation_text.h"

#include "absl/strings/str_format.h"
#include "optimizer/validation_criterion.h"

namespace metastep {

std::string ValidationText(const v1::Run& run,
                           const v1::ValidationScore& score) {
  const auto criterion = run.spec().training().validation().criterion();
  return absl::StrFormat(
      "%s%.4g", criterion == v1::ValidationSpec::SUM_OF_LOSSES ? "sum " : "",
      CriterionValue(criterion, score));
}

}  // namespace metastep
