// How task evaluations share a process. No LibTorch header is needed to include
// this one.
#ifndef METASTEP_OPTIMIZEE_TORCH_THREADS_H_
#define METASTEP_OPTIMIZEE_TORCH_THREADS_H_

#include "absl/status/status.h"

namespace metastep {

// Makes the calling thread's tensor arithmetic sequential, so that a result
// does not depend on the machine's number of cores. Call it at the start of
// every thread that evaluates tasks.
void UseOneTorchThread();

// Errors: FailedPrecondition, if `threads` threads that evaluate tasks side by
// side would get wrong numbers: an OpenBLAS that was built without threads
// (Debian's libopenblas0-serial) has buffers that all callers share, and locks
// none of them.
absl::Status CheckTorchThreads(int threads);

}  // namespace metastep

#endif  // METASTEP_OPTIMIZEE_TORCH_THREADS_H_
