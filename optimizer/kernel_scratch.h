// Memory in which the block kernel works.
#ifndef METASTEP_OPTIMIZER_KERNEL_SCRATCH_H_
#define METASTEP_OPTIMIZER_KERNEL_SCRATCH_H_

#include <cstddef>

namespace metastep {

// The calling thread's scratch of at least `floats`, aligned for vectors, which
// it keeps from call to call, so that steps do not allocate. Every caller takes
// it from the beginning; what it holds is what the last one left, at first
// zeros. Throws std::bad_alloc.
float* ThreadScratch(size_t floats);

}  // namespace metastep

#endif  // METASTEP_OPTIMIZER_KERNEL_SCRATCH_H_
