// Batches of random quadratic problems.
#ifndef METASTEP_OPTIMIZEE_QUADRATIC_H_
#define METASTEP_OPTIMIZEE_QUADRATIC_H_

#include <memory>

#include "metastep/v1/spec.pb.h"
#include "optimizee/task.h"

namespace metastep {

// Tasks of P problems f(theta) = |W theta - y|^2 in D dimensions each
// (Andrychowicz et al., section 3.1): one tensor "theta" [P, D].
// REQUIRES: spec is resolved.
std::unique_ptr<const TaskFamily> MakeQuadraticFamily(
    const v1::QuadraticSpec& spec);

}  // namespace metastep

#endif  // METASTEP_OPTIMIZEE_QUADRATIC_H_
