// Learners: how a shard of meta-training is computed.
#ifndef METASTEP_LEARNER_LEARNER_H_
#define METASTEP_LEARNER_LEARNER_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "metastep/v1/spec.pb.h"
#include "optimizee/task.h"

namespace metastep {

// Where an unroll stands between two windows: what a worker keeps warm. Each
// learner has its own, and takes no other's. Not thread-safe.
class LaneState {
 public:
  virtual ~LaneState() = default;
  // Memory that it holds and that grows with the task's parameters.
  virtual int64_t bytes() const = 0;
  virtual std::unique_ptr<LaneState> Clone() const = 0;
};

// What one window gives.
struct WindowOutcome {
  std::vector<float> meta_gradient;  // dL/dphi, [phi]
  std::vector<double> losses;  // f_t(theta_t) at the window's K + 1 points
};

// One way to meta-learn. Every result is a pure function of its arguments, to
// the bit. Thread-safe.
class Learner {
 public:
  virtual ~Learner() = default;

  // The state before the first window of the unroll that `key` names (stream
  // kTraining; its lane and unroll). Errors: those of Task::Evaluate;
  // InvalidArgument: no rule serves one of the task's tensors.
  virtual absl::StatusOr<std::unique_ptr<LaneState>> Start(
      const RngKey& key) const = 0;

  // Computes a window under `phi` and moves `lane` past it.
  // Errors: InvalidArgument: phi has the wrong size; FailedPrecondition: the
  // unroll is at its horizon; Internal: the numerics library failed, and the
  // lane is then useless.
  virtual absl::StatusOr<WindowOutcome> RunWindow(absl::Span<const float> phi,
                                                  LaneState& lane) const = 0;

  // Moves `lane` past a window as RunWindow does, without the meta-gradient.
  virtual absl::Status Replay(absl::Span<const float> phi,
                              LaneState& lane) const = 0;
};

// Truncated backpropagation through time of learned update rules, as
// `training` (resolved) says. See learner/truncated_bptt.cc for the equations.
std::unique_ptr<const Learner> MakeTruncatedBptt(
    const v1::TrainingSpec& training, std::shared_ptr<const TaskFamily> family);

}  // namespace metastep

#endif  // METASTEP_LEARNER_LEARNER_H_
