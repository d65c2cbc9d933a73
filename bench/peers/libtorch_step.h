// The learned rule's step written on LibTorch, as well as its operators allow:
// no autograd, no memory taken after the first step, one thread. Coordinates
// run along rows, so that every gate is one contiguous stretch.
#ifndef METASTEP_BENCH_PEERS_LIBTORCH_STEP_H_
#define METASTEP_BENCH_PEERS_LIBTORCH_STEP_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/types/span.h"
#include "optimizer/recurrent_architecture.h"

namespace metastep {

// Returns a function that takes one step of all coordinates with this gradient,
// from zero state or from where its last call left it, and returns the update
// [N], which the next call overwrites. `chunk` coordinates at a time go through
// all layers: N, as one writes it first, or as many as stay in cache. REQUIRES:
// log-and-sign inputs; N is a multiple of `chunk`; the thread is to use one
// thread of LibTorch (optimizee/torch/threads.h).
std::function<absl::Span<const float>()> MakeLibTorchStep(
    const RecurrentArchitecture& architecture, absl::Span<const float> phi,
    absl::Span<const float> gradient, int64_t chunk);

// "LibTorch 1.13.1".
std::string LibTorchName();

}  // namespace metastep

#endif  // METASTEP_BENCH_PEERS_LIBTORCH_STEP_H_
