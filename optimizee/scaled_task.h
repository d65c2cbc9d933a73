// Random scaling of coordinates (Lv, Jiang and Li 2017, section 4).
#ifndef METASTEP_OPTIMIZEE_SCALED_TASK_H_
#define METASTEP_OPTIMIZEE_SCALED_TASK_H_

#include <memory>

#include "optimizee/task.h"

namespace metastep {

// Tasks f'(theta') = f(c * theta') with theta'_0 = theta_0 / c, coordinate by
// coordinate: the same problem in other units, so that a rule that is trained
// on it cannot rely on the scale of gradients. c = e^u with u ~ U(-range,
// range), drawn for each coordinate by the task's key; the base family draws
// its task from the same key. The losses along an optimisation are those of
// theta = c * theta'. REQUIRES: range is finite and at least 0.
std::shared_ptr<const TaskFamily> MakeScaledFamily(
    std::shared_ptr<const TaskFamily> base, double range);

}  // namespace metastep

#endif  // METASTEP_OPTIMIZEE_SCALED_TASK_H_
