// How much memory a window takes.
#ifndef METASTEP_BENCH_WINDOW_MEMORY_H_
#define METASTEP_BENCH_WINDOW_MEMORY_H_

#include <cstdint>

#include "absl/status/statusor.h"

namespace metastep {

// Bytes a coordinate that a process of its own grows by at its peak, from a
// lane's start to its window's meta-gradient, with a million coordinates; a
// window of the paper's network goes before, which loads what is loaded at
// first use.
// REQUIRES: this process has no other threads.
// Errors: Unavailable: no such process; those of Learner.
absl::StatusOr<double> MemoryOfMillion();

}  // namespace metastep

#endif  // METASTEP_BENCH_WINDOW_MEMORY_H_
