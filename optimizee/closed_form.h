// Tasks whose loss, gradient and Hessian are written out, without LibTorch: the
// client's side steps them too.
#ifndef METASTEP_OPTIMIZEE_CLOSED_FORM_H_
#define METASTEP_OPTIMIZEE_CLOSED_FORM_H_

#include <memory>

#include "metastep/v1/spec.pb.h"
#include "optimizee/task.h"

namespace metastep {

// The family of a resolved `square` or `quadratic` spec; null for any other.
std::unique_ptr<const TaskFamily> MakeClosedFormFamily(
    const v1::TaskSpec& spec);

}  // namespace metastep

#endif  // METASTEP_OPTIMIZEE_CLOSED_FORM_H_
