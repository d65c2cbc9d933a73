// What a validation is judged by.
#ifndef METASTEP_OPTIMIZER_VALIDATION_CRITERION_H_
#define METASTEP_OPTIMIZER_VALIDATION_CRITERION_H_

#include <cmath>

#include "metastep/v1/model.pb.h"
#include "metastep/v1/spec.pb.h"

namespace metastep {

// Less is better. NaN is as bad as infinity.
inline double CriterionValue(v1::ValidationSpec::Criterion criterion,
                             const v1::ValidationScore& score) {
  const double value = criterion == v1::ValidationSpec::SUM_OF_LOSSES
                           ? score.sum_of_losses()
                           : score.final_loss();
  return std::isnan(value) ? HUGE_VAL : value;
}

}  // namespace metastep

#endif  // METASTEP_OPTIMIZER_VALIDATION_CRITERION_H_
