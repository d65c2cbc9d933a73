// Memory in which the block kernel works.
#ifndef METASTEP_OPTIMIZER_KERNEL_SCRATCH_H_
#define METASTEP_OPTIMIZER_KERNEL_SCRATCH_H_

#include <cstddef>

namespace metastep {

// The calling thread's scratch of at least `count` floats or doubles, aligned
// for vectors, which it keeps from call to call, so that steps do not allocate.
// Every caller takes it from the beginning; what it holds is what the last one
// left, at first zeros. Floats and doubles do not overlap. Throws
// std::bad_alloc.
template <typename T>
T* ThreadScratch(size_t count);

}  // namespace metastep

#endif  // METASTEP_OPTIMIZER_KERNEL_SCRATCH_H_
