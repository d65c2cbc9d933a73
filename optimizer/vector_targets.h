// The instruction sets that the vector kernels are compiled for: Highway's
// choice, less those whose vectors have no size at compile time and so cannot
// be held in arrays. Include before any header of Highway.
#ifndef METASTEP_OPTIMIZER_VECTOR_TARGETS_H_
#define METASTEP_OPTIMIZER_VECTOR_TARGETS_H_

#define HWY_DISABLED_TARGETS \
  (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)

#endif  // METASTEP_OPTIMIZER_VECTOR_TARGETS_H_
