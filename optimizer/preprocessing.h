// How a gradient becomes the inputs of a learned rule: what the kernel and its
// reference share (spec.proto, Preprocessing).
//
// With moments a coordinate has two state variables, m and v, ahead of those of
// the layers; their bias corrections follow from the step.
#ifndef METASTEP_OPTIMIZER_PREPROCESSING_H_
#define METASTEP_OPTIMIZER_PREPROCESSING_H_

#include <cstdint>
#include <limits>

#include "metastep/v1/spec.pb.h"

namespace metastep {

// Added to |g| before the logarithm of log-and-sign, as the reference
// implementation does; float32's epsilon, 1.19e-7.
inline constexpr float kLogEpsilon = std::numeric_limits<float>::epsilon();

// Added to the root of the mean square of moments (Lv et al. 2017).
inline constexpr float kMomentsEpsilon = 1e-8f;

// Inputs of one coordinate, and state variables that they take.
inline int64_t PreprocessedInputs(const v1::Preprocessing& spec) {
  return spec.has_log_and_sign() || spec.has_moments() ? 2 : 1;
}
inline int64_t PreprocessingVariables(const v1::Preprocessing& spec) {
  return spec.has_moments() ? 2 : 0;
}

}  // namespace metastep

#endif  // METASTEP_OPTIMIZER_PREPROCESSING_H_
