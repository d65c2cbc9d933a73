// The machine's own limits, as contenders of every benchmark that is held
// against them.
#ifndef METASTEP_BENCH_MACHINE_H_
#define METASTEP_BENCH_MACHINE_H_

#include "absl/status/status.h"
#include "bench/harness.h"

namespace metastep {

// Multiply-adds of floats a second that one core does at most, in 1e9: chains
// of fused multiply-adds in registers, by the widest vectors that the kernels
// are dispatched to.
Contender FmaPeak();

// Bytes a second that one core copies from memory to memory, in 1e9; a byte
// that is read and written counts twice. Holds 1 GiB as long as it lives.
Contender CopyBandwidth();

// Binds the calling thread, and the threads and processes that it starts from
// now on, to so many cores of those that it may use, the one on which it runs
// first; to all if there are fewer. Errors: Unavailable: the system refuses.
absl::Status UseCores(int cores);

}  // namespace metastep

#endif  // METASTEP_BENCH_MACHINE_H_
